#include "crank/base/text.h"
#include "crank/component/decode.h"

namespace crank::component::detail {
using namespace syntax;
using Form = TypeDef::Form;

namespace {

std::optional<TypeKind> primitive(std::uint8_t opcode) {
  switch (opcode) {
    case 0x7f: return TypeKind::bool_;
    case 0x7e: return TypeKind::s8;
    case 0x7d: return TypeKind::u8;
    case 0x7c: return TypeKind::s16;
    case 0x7b: return TypeKind::u16;
    case 0x7a: return TypeKind::s32;
    case 0x79: return TypeKind::u32;
    case 0x78: return TypeKind::s64;
    case 0x77: return TypeKind::u64;
    case 0x76: return TypeKind::f32;
    case 0x75: return TypeKind::f64;
    case 0x74: return TypeKind::char_;
    case 0x73: return TypeKind::string;
    case 0x64: return TypeKind::error_context;
    default: return std::nullopt;
  }
}

}  // namespace

ValType Parser::val_type(Reader& in) {
  std::size_t start = in.offset();
  std::int64_t code = in.s33();
  if (!in.ok()) return {};
  if (code >= 0) return {ValType::index, {}, static_cast<std::uint32_t>(code)};
  if (code >= -0x40) {
    if (auto kind = primitive(static_cast<std::uint8_t>(code & 0x7f))) return {ValType::primitive, *kind, 0};
  }
  in.fail_at(start, "a value type is neither a primitive nor an index");
  return {};
}

ValType Parser::optional_val_type(Reader& in) { return flag(in, "a type") ? val_type(in) : ValType{}; }

ValType Parser::result_list(Reader& in) {
  std::uint8_t form = in.byte();
  if (form == 0) return val_type(in);
  if (in.ok() && (form != 1 || in.byte() != 0)) in.fail("a result list is neither one type nor empty");
  return {};
}

std::vector<Label> Parser::labels(Reader& in, const char* what) {
  std::vector<Label> out;
  for (std::uint32_t n = in.count(what); n > 0 && count_item(in); --n) {
    auto name = in.name("label");
    out.push_back({name, val_type(in)});
  }
  return out;
}

std::vector<Label> Parser::cases(Reader& in) {
  std::vector<Label> out;
  for (std::uint32_t n = in.count("cases"); n > 0 && count_item(in); --n) {
    auto name = in.name("label");
    out.push_back({name, optional_val_type(in)});
    if (in.byte() != 0) in.fail("a case does not end in a zero byte");
  }
  return out;
}

std::vector<Label> Parser::bare_labels(Reader& in, const char* what) {
  std::vector<Label> out;
  for (std::uint32_t n = in.count(what); n > 0 && count_item(in); --n) out.push_back({in.name("label"), {}});
  return out;
}

TypeDef Parser::type(Reader& in, std::uint32_t depth) {
  TypeDef out;
  std::size_t start = in.offset();
  auto some = [&](const char* what) {
    if (in.ok() && out.labels.empty()) in.fail_at(start, concat("a ", what, " is empty"));
  };
  std::uint8_t code = in.byte();
  if (auto kind = primitive(code)) {
    out.first = {ValType::primitive, *kind, 0};
    return out;
  }
  switch (code) {
    case 0x72:
      out.form = Form::record;
      out.labels = labels(in, "fields");
      some("record");
      break;
    case 0x71:
      out.form = Form::variant;
      out.labels = cases(in);
      some("variant");
      break;
    case 0x70:
      out.form = Form::list;
      out.first = val_type(in);
      break;
    case 0x67:
      out.form = Form::fixed_list;
      out.first = val_type(in);
      out.number = in.u32();
      if (in.ok() && out.number == 0) in.fail_at(start, "a fixed-length list has no elements");
      break;
    case 0x6f:
      out.form = Form::tuple;
      for (std::uint32_t n = in.count("elements"); n > 0 && count_item(in); --n)
        out.labels.push_back({{}, val_type(in)});
      some("tuple");
      break;
    case 0x6e:
      out.form = Form::flags;
      out.labels = bare_labels(in, "flags");
      some("flags type");
      if (out.labels.size() > 32)
        in.fail_at(start, concat("a flags type has ", out.labels.size(), " labels; 32 is the limit"));
      break;
    case 0x6d:
      out.form = Form::enum_;
      out.labels = bare_labels(in, "cases");
      some("enum");
      break;
    case 0x6b:
      out.form = Form::option;
      out.first = val_type(in);
      break;
    case 0x6a:
      out.form = Form::result;
      out.first = optional_val_type(in);
      out.second = optional_val_type(in);
      break;
    case 0x69:
      out.form = Form::own;
      out.number = in.u32();
      break;
    case 0x68:
      out.form = Form::borrow;
      out.number = in.u32();
      break;
    case 0x66:
      out.form = Form::stream;
      out.first = optional_val_type(in);
      break;
    case 0x65:
      out.form = Form::future;
      out.first = optional_val_type(in);
      break;
    case 0x63:
      out.form = Form::map;
      out.first = val_type(in);
      out.second = val_type(in);
      break;
    case 0x3f: {
      out.form = Form::resource;
      std::uint8_t rep = in.byte();
      if (rep == 0x7e) {
        in.fail_at(start, "a resource with a 64-bit representation needs memory64, which Crank does not support",
                   Code::unsupported);
      } else if (in.ok() && rep != 0x7f) {
        in.fail_at(start, "the representation of a resource is not i32");
      }
      out.has_destructor = flag(in, "a destructor");
      if (out.has_destructor) out.number = in.u32();
      break;
    }
    case 0x40:
    case 0x43:
      out.form = Form::function;
      out.async_ = code == 0x43;
      out.labels = labels(in, "parameters");
      out.first = result_list(in);
      break;
    case 0x41:
      out.form = Form::component;
      declarators(in, out, depth + 1);
      break;
    case 0x42:
      out.form = Form::instance;
      declarators(in, out, depth + 1);
      break;
    default: in.fail_at(start, concat("the type opcode ", code, " is unknown"));
  }
  return out;
}

void Parser::declarators(Reader& in, TypeDef& out, std::uint32_t depth) {
  if (depth > limits_.max_nesting) {
    return in.fail(concat("types are nested more than ", limits_.max_nesting, " deep"), Code::limit);
  }
  for (std::uint32_t n = in.count("declarators"); n > 0 && count_item(in); --n) {
    auto offset = static_cast<std::uint32_t>(in.offset());
    auto add = [&](auto&& what) {
      if (in.ok()) out.body.push_back({offset, std::move(what)});
    };
    std::uint8_t code = in.byte();
    switch (code) {
      case 0: add(core_types(in)); break;
      case 1: add(type(in, depth)); break;
      case 2: add(alias(in)); break;
      case 3:
        if (out.form != Form::component) return in.fail_at(offset, "an instance type declares an import");
        add(import(in));
        break;
      case 4: {
        ImportDecl read = import(in);
        add(ExportDecl{read.name, read.type});
        break;
      }
      default: return in.fail_at(offset, concat("the declarator ", code, " is unknown"));
    }
  }
}

CoreTypes Parser::core_types(Reader& in) {
  CoreTypes out;
  if (in.peek() == 0x50) {
    out.types.push_back(module_type(in));
    return out;
  }
  // Here a type with supertypes that is not final starts with an extra zero, because 0x50 alone is a module type.
  if (in.peek() == 0x00) {
    in.byte();
    if (in.peek() != 0x50) in.fail("a core type opcode is unknown");
  }
  std::vector<CoreFuncType> read;
  read_core_types(in, read);
  for (auto& type : read) {
    if (!count_item(in)) break;
    out.types.emplace_back().func = std::move(type);
  }
  return out;
}

CoreTypeDef Parser::module_type(Reader& in) {
  CoreTypeDef out;
  out.is_module = true;
  in.byte();
  for (std::uint32_t n = in.count("module declarators"); n > 0 && count_item(in); --n) {
    ModuleDecl& decl = out.body.emplace_back();
    switch (std::uint8_t code = in.byte()) {
      case 0x00:
        decl.kind = ModuleDecl::import_;
        decl.module = in.name("module name");
        decl.name = in.name("import name");
        decl.type = read_core_extern(in);
        break;
      case 0x01:
        decl.kind = ModuleDecl::types;
        if (in.peek() == 0x50) in.fail("a module type declares a module type");
        if (in.peek() == 0x00) in.byte();
        read_core_types(in, decl.defined);
        break;
      case 0x02:
        decl.kind = ModuleDecl::outer_alias;
        if (in.byte() != 0x10 || in.byte() != 0x01) in.fail("a module type may alias only outer core types");
        decl.scopes = in.u32();
        decl.index = in.u32();
        break;
      case 0x03:
        decl.kind = ModuleDecl::export_;
        decl.name = in.name("export name");
        decl.type = read_core_extern(in);
        break;
      default: in.fail(concat("the module declarator ", code, " is unknown"));
    }
  }
  return out;
}

}  // namespace crank::component::detail
