#include "crank/component/core_types.h"

namespace crank::component::detail {
namespace {

constexpr const char* needs_shared =
    "shared core types need the shared-everything-threads proposal, which Crank does not support";
constexpr std::uint64_t max_pages = 65536;

std::string_view name_of(CoreSort sort) {
  constexpr std::string_view names[] = {"func", "table", "memory", "global", "tag"};
  return names[static_cast<std::size_t>(sort)];
}

bool limits_fit(const CoreLimits& given, const CoreLimits& wanted) {
  if (given.min < wanted.min) return false;
  return !wanted.max || (given.max && *given.max <= *wanted.max);
}

CoreVal reference(std::int64_t heap, bool nullable) {
  if (heap >= 0) return {CoreVal::unknown};
  return {static_cast<std::uint16_t>(0x100 | (heap & 0x7f) | (nullable ? 0x200 : 0))};
}

void read_storage(Reader& in) {
  if (in.peek() == 0x77 || in.peek() == 0x78) {
    in.byte();
  } else {
    read_core_val(in);
  }
  if (in.byte() > 1) in.fail("a byte does not say whether a field is mutable");
}

CoreFuncType read_composite(Reader& in) {
  CoreFuncType out;
  switch (std::uint8_t code = in.byte()) {
    case 0x60:
      for (std::uint32_t n = in.count("core parameters"); n > 0 && in.ok(); --n)
        out.params.push_back(read_core_val(in));
      for (std::uint32_t n = in.count("core results"); n > 0 && in.ok(); --n) out.results.push_back(read_core_val(in));
      break;
    case 0x5f:
      out.known = false;
      for (std::uint32_t n = in.count("fields"); n > 0 && in.ok(); --n) read_storage(in);
      break;
    case 0x5e:
      out.known = false;
      read_storage(in);
      break;
    case 0x65: in.fail(needs_shared, Code::unsupported); break;
    default: in.fail(concat("the core type opcode ", code, " is unknown"));
  }
  return out;
}

CoreFuncType read_subtype(Reader& in) {
  if (in.peek() != 0x50 && in.peek() != 0x4f) return read_composite(in);
  in.byte();
  for (std::uint32_t n = in.count("supertypes"); n > 0 && in.ok(); --n) in.u32();
  CoreFuncType out = read_composite(in);
  out.known = false;
  return out;
}

}  // namespace

std::string to_string(CoreVal type) {
  switch (type.code) {
    case 0x7f: return "i32";
    case 0x7e: return "i64";
    case 0x7d: return "f32";
    case 0x7c: return "f64";
    case 0x7b: return "v128";
    default: return "ref";
  }
}

std::string to_string(const CoreFuncType& type) {
  std::string out = "(func";
  auto list = [&](std::string_view word, const std::vector<CoreVal>& types) {
    if (types.empty()) return;
    out.append(" (").append(word);
    for (auto t : types) out.append(" ").append(to_string(t));
    out.append(")");
  };
  list("param", type.params);
  list("result", type.results);
  return out + ")";
}

bool same(const CoreFuncType& a, const CoreFuncType& b) {
  return !a.known || !b.known || (a.params == b.params && a.results == b.results);
}

std::string misfit(const CoreExtern& given, const CoreExtern& wanted) {
  if (given.sort != wanted.sort) return concat("expected a ", name_of(wanted.sort), ", found a ", name_of(given.sort));
  if (!given.known || !wanted.known) return {};
  switch (wanted.sort) {
    case CoreSort::func:
    case CoreSort::tag:
      if (!given.func || !wanted.func || same(*given.func, *wanted.func)) return {};
      return concat("expected ", to_string(*wanted.func), ", found ", to_string(*given.func));
    case CoreSort::global:
      if (given.mutable_ != wanted.mutable_) return "the globals differ in mutability";
      if (given.value == wanted.value) return {};
      return concat("expected a global of type ", to_string(wanted.value), ", found ", to_string(given.value));
    case CoreSort::table:
      if (!(given.value == wanted.value)) return "the tables differ in their element type";
      [[fallthrough]];
    case CoreSort::memory:
      if (given.limits.shared != wanted.limits.shared) return "one of the two is shared";
      if (given.limits.wide != wanted.limits.wide) return "one of the two has 64-bit indices";
      if (given.limits.page_bits != wanted.limits.page_bits) return "the memories differ in page size";
      return limits_fit(given.limits, wanted.limits)
                 ? std::string()
                 : concat("the limits of the two ", wanted.sort == CoreSort::table ? "tables" : "memories",
                          " do not fit");
  }
  return {};
}

std::string misfit(const CoreInterface& given, const CoreInterface& wanted) {
  if (!given.known || !wanted.known) return {};
  std::unordered_map<std::string, const CoreExtern*> offered;
  auto key = [](auto& import) { return std::string(import.module).append(1, '\0').append(import.name); };
  for (auto& import : wanted.imports) offered.emplace(key(import), &import.type);
  for (auto& import : given.imports) {
    auto found = offered.find(key(import));
    if (found == offered.end())
      return concat("it imports `", import.module, "::", import.name, "`, which is not expected");
    if (auto why = misfit(*found->second, import.type); !why.empty()) {
      return concat("its import `", import.module, "::", import.name, "` does not fit: ", why);
    }
  }
  for (auto& [name, type] : wanted.exports) {
    auto found = given.exports.find(name);
    if (found == given.exports.end()) return concat("it does not export `", name, "`");
    if (auto why = misfit(found->second, type); !why.empty())
      return concat("its export `", name, "` does not fit: ", why);
  }
  return {};
}

CoreVal read_core_val(Reader& in) {
  std::uint8_t code = in.byte();
  if (code >= 0x7b && code <= 0x7f) return {code};
  if (code == 0x63 || code == 0x64) {
    if (in.peek() == 0x65) in.fail(needs_shared, Code::unsupported);
    std::int64_t heap = in.s33();
    if (in.ok() && heap < 0 && !(heap >= -0x18 && heap <= -0x0c)) in.fail("a core heap type is unknown");
    return reference(heap, code == 0x63);
  }
  if (!(code >= 0x69 && code <= 0x74) && code != 0x68) {
    in.fail(concat("the core value type ", code, " is unknown"));
  }
  return reference(static_cast<std::int64_t>(code) - 0x80, true);
}

CoreLimits read_core_limits(Reader& in) {
  CoreLimits out;
  std::uint8_t flags = in.byte();
  if (flags > 0x0f) in.fail(concat("the limits flags ", flags, " are unknown"));
  out.shared = flags & 2;
  out.wide = flags & 4;
  out.min = out.wide ? in.u64() : in.u32();
  if (flags & 1) out.max = out.wide ? in.u64() : in.u32();
  if (flags & 8) out.page_bits = in.u32();
  return out;
}

CoreExtern read_core_extern(Reader& in) {
  CoreExtern out;
  switch (std::uint8_t code = in.byte()) {
    case 0x00: out.type_index = in.u32(); break;
    case 0x01:
      out.sort = CoreSort::table;
      out.value = read_core_val(in);
      out.limits = read_core_limits(in);
      break;
    case 0x02:
      out.sort = CoreSort::memory;
      out.limits = read_core_limits(in);
      if (out.limits.page_bits == 16 && !out.limits.wide &&
          (out.limits.min > max_pages || out.limits.max.value_or(0) > max_pages)) {
        in.fail(concat("a memory is larger than ", max_pages, " pages"));
      }
      break;
    case 0x03: {
      out.sort = CoreSort::global;
      out.value = read_core_val(in);
      std::uint8_t flag = in.byte();
      if (flag > 1) in.fail("a byte does not say whether a global is mutable");
      out.mutable_ = flag;
      break;
    }
    case 0x04:
      out.sort = CoreSort::tag;
      if (in.byte() != 0) in.fail("the attribute of a tag is unknown");
      out.type_index = in.u32();
      break;
    default: in.fail(concat("the kind ", code, " of a core import or export is unknown"));
  }
  return out;
}

void read_core_types(Reader& in, std::vector<CoreFuncType>& out) {
  if (in.peek() != 0x4e) {
    out.push_back(read_subtype(in));
    return;
  }
  in.byte();
  for (std::uint32_t n = in.count("types of a recursion group"); n > 0 && in.ok(); --n) {
    out.push_back(read_subtype(in));
    out.back().known = false;
  }
}

namespace {

/// Skips a constant expression. False at an instruction that is none, or that has immediates not known here.
bool skip_constant(Reader& in) {
  while (in.ok()) {
    switch (in.byte()) {
      case 0x0b: return in.ok();
      case 0x41:
      case 0x42:  // a signed LEB: as many bytes as have their high bit set, and one
        while (in.ok() && (in.byte() & 0x80)) {}
        break;
      case 0x43: in.bytes(4); break;
      case 0x44: in.bytes(8); break;
      case 0x23:
      case 0xd2: in.u32(); break;
      case 0xd0: in.s33(); break;
      case 0x6a:
      case 0x6b:
      case 0x6c:
      case 0x7c:
      case 0x7d:
      case 0x7e: break;
      default: return false;
    }
  }
  return false;
}

class Reflection {
 public:
  explicit Reflection(CoreInterface& out) : out_(out) {}

  void module(Reader& in) {
    in.bytes(8);
    while (in.ok() && !in.done()) {
      std::uint8_t id = in.byte();
      Reader part = in.cut(in.u32());
      section(id, part);
    }
    for (auto& import : out_.imports) resolve(import.type);
    for (auto& [name, type] : out_.exports) resolve(type);
  }

 private:
  void section(std::uint8_t id, Reader& in) {
    if (id > 13 || id == 0 || id == 8 || (id > 8 && id < 13)) return;
    std::uint32_t n = in.count("entries of a core section");
    switch (id) {
      case 1:
        for (; n > 0 && in.ok(); --n) read_core_types(in, out_.types);
        break;
      case 2:
        for (; n > 0 && in.ok(); --n) {
          auto module = in.name("module name");
          auto name = in.name("import name");
          auto& type = out_.imports.emplace_back(module, name, read_core_extern(in)).type;
          if (type.sort == CoreSort::func) {
            functions_.push_back(type.type_index);
          } else {
            space(type.sort).push_back(type);
          }
        }
        break;
      case 3:
        functions_.reserve(functions_.size() + n);
        for (; n > 0 && in.ok(); --n) functions_.push_back(in.u32());
        break;
      case 4:
        for (; n > 0 && in.ok(); --n) {
          bool initialised = in.peek() == 0x40;
          if (initialised) in.bytes(2);
          CoreExtern table{.sort = CoreSort::table};
          table.value = read_core_val(in);
          table.limits = read_core_limits(in);
          space(CoreSort::table).push_back(table);
          if (initialised && !skip_constant(in)) return give_up(CoreSort::table);
        }
        break;
      case 5:
        for (; n > 0 && in.ok(); --n)
          space(CoreSort::memory).push_back({.sort = CoreSort::memory, .limits = read_core_limits(in)});
        break;
      case 6:
        for (; n > 0 && in.ok(); --n) {
          CoreExtern global{.sort = CoreSort::global};
          global.value = read_core_val(in);
          global.mutable_ = in.byte() == 1;
          space(CoreSort::global).push_back(global);
          if (!skip_constant(in)) return give_up(CoreSort::global);
        }
        break;
      case 13:
        for (; n > 0 && in.ok(); --n) {
          in.byte();
          space(CoreSort::tag).push_back({.sort = CoreSort::tag, .type_index = in.u32()});
        }
        break;
      case 7:
        for (; n > 0 && in.ok(); --n) {
          auto name = in.name("export name");
          std::uint8_t sort = in.byte();
          std::uint32_t i = in.u32();
          if (sort > 4) return in.fail("an export of an unknown kind");
          auto& from = space(static_cast<CoreSort>(sort));
          if (sort == 0 && i < functions_.size()) {
            out_.exports.emplace(name, CoreExtern{.type_index = functions_[i]});
          } else if (sort != 0 && i < from.size()) {
            out_.exports.emplace(name, from[i]);
          } else if (unknown_rest_[sort]) {
            out_.exports.emplace(name, CoreExtern{.sort = static_cast<CoreSort>(sort), .known = false});
          } else {
            in.fail("an export of what is not there");
          }
        }
        break;
      default: break;
    }
  }

  void give_up(CoreSort sort) { unknown_rest_[static_cast<int>(sort)] = true; }
  std::vector<CoreExtern>& space(CoreSort sort) { return spaces_[static_cast<int>(sort)]; }
  void resolve(CoreExtern& type) {
    if (type.sort != CoreSort::func && type.sort != CoreSort::tag) return;
    if (type.type_index < out_.types.size()) {
      type.func = &out_.types[type.type_index];
    } else {
      out_.known = false;
    }
  }

  CoreInterface& out_;
  std::vector<std::uint32_t> functions_;  // there may be very many: only their type indices
  std::vector<CoreExtern> spaces_[5];
  bool unknown_rest_[5] = {};
};

}  // namespace

CoreInterface reflect(std::span<const std::byte> module) {
  CoreInterface out;
  Failure failure;
  Reader in(module, failure);
  Reflection(out).module(in);
  out.known &= !failure.failed();
  return out;
}

}  // namespace crank::component::detail
