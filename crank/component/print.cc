#include "crank/component/print.h"

namespace crank::component {
namespace {

// A type is a graph without cycles, and writing it out as a tree may grow without bound: past this many bytes an
// ellipsis stands for the rest.
constexpr std::size_t longest = 4096;

class Printer {
 public:
  Printer(const Program& program, const detail::TypeNames& names) : program_(program), names_(names) {}

  void type(TypeRef t) {
    if (!t) return text("_");
    if (out.size() > longest) return text("…");
    if (auto named = names_.find(t); named != names_.end()) return text(named->second);
    structure(t);
  }

  void structure(TypeRef t) {
    switch (t->kind) {
      case TypeKind::list: return wrap("list", {t->element});
      case TypeKind::fixed_list:
        text("list<");
        type(t->element);
        text(", ");
        text(std::to_string(t->length));
        return text(">");
      case TypeKind::map: return wrap("map", {t->element->fields[0].type, t->element->fields[1].type});
      case TypeKind::record: return members("record", t->fields);
      case TypeKind::variant: return cases("variant", t->fields);
      case TypeKind::enum_: return cases("enum", t->fields);
      case TypeKind::flags: return cases("flags", t->fields);
      case TypeKind::tuple: {
        text("tuple<");
        for (bool first = true; auto& field : t->fields) {
          separate(first);
          type(field.type);
        }
        return text(">");
      }
      case TypeKind::option: return wrap("option", {t->fields[1].type});
      case TypeKind::result: return result(t->fields[0].type, t->fields[1].type);
      case TypeKind::own: return resource(t->resource);
      case TypeKind::borrow:
        text("borrow<");
        resource(t->resource);
        return text(">");
      case TypeKind::stream:
      case TypeKind::future:
        if (!t->element) return text(name_of(t->kind));
        return wrap(name_of(t->kind), {t->element});
      default: return text(name_of(t->kind));
    }
  }

  void function(const FuncType& f) {
    text(f.async_ ? "async func(" : "func(");
    for (bool first = true; auto& param : f.params) {
      separate(first);
      if (out.size() > longest) {
        text("…");
        break;
      }
      text(param.name);
      text(": ");
      type(param.type);
    }
    text(")");
    if (f.result) {
      text(" -> ");
      type(f.result);
    }
  }

  std::string out;

 private:
  void text(std::string_view s) { out.append(s); }
  void separate(bool& first) {
    if (!first) text(", ");
    first = false;
  }
  void wrap(std::string_view name, std::initializer_list<TypeRef> parts) {
    text(name);
    text("<");
    for (bool first = true; auto part : parts) {
      separate(first);
      type(part);
    }
    text(">");
  }
  void members(std::string_view keyword, const std::vector<Field>& fields) {
    text(keyword);
    text(" { ");
    for (bool first = true; auto& field : fields) {
      separate(first);
      if (out.size() > longest) {
        text("…");
        break;
      }
      text(field.name);
      text(": ");
      type(field.type);
    }
    text(" }");
  }
  void cases(std::string_view keyword, const std::vector<Field>& fields) {
    text(keyword);
    text(" { ");
    for (bool first = true; auto& field : fields) {
      separate(first);
      if (out.size() > longest) {
        text("…");
        break;
      }
      text(field.name);
      if (!field.type) continue;
      text("(");
      type(field.type);
      text(")");
    }
    text(" }");
  }
  void result(TypeRef ok, TypeRef error) {
    if (!ok && !error) return text("result");
    if (!error) return wrap("result", {ok});
    wrap("result", {ok, error});
  }
  void resource(ResourceId id) {
    auto i = index(id);
    if (i < program_.resources.size() && !program_.resources[i].name.empty()) return text(program_.resources[i].name);
    text("resource");
  }

  const Program& program_;
  const detail::TypeNames& names_;
};

}  // namespace

namespace detail {

std::string print(TypeRef type, const Program& program, const TypeNames& names, bool whole) {
  Printer printer(program, names);
  if (whole && type) {
    printer.structure(type);
  } else {
    printer.type(type);
  }
  return std::move(printer.out);
}

std::string print(const FuncType& type, const Program& program, const TypeNames& names) {
  Printer printer(program, names);
  printer.function(type);
  return std::move(printer.out);
}

}  // namespace detail

std::string to_string(TypeRef type, const Program& program) { return detail::print(type, program, {}); }
std::string to_string(const FuncType& type, const Program& program) { return detail::print(type, program, {}); }

}  // namespace crank::component
