#include "crank/component/decode.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "crank/base/text.h"

namespace crank::component {
namespace syntax {

Component::Component() = default;
Component::~Component() = default;
Component::Component(Component&&) noexcept = default;

std::string_view name_of(Sort sort) noexcept {
  constexpr std::string_view names[] = {"core func", "core table",  "core memory",   "core global", "core tag",
                                        "core type", "core module", "core instance", "func",        "value",
                                        "type",      "component",   "instance"};
  return names[static_cast<std::size_t>(sort)];
}

}  // namespace syntax

namespace detail {
using namespace syntax;

namespace {

constexpr std::string_view magic{"\0asm", 4};
constexpr std::string_view component_version{"\x0d\0\x01\0", 4};
constexpr std::string_view module_version{"\1\0\0\0", 4};

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

constexpr const char* values_are_gated =
    "component-level values and start functions are a gated feature of the Component Model that Crank does not support";

}  // namespace

Result<std::unique_ptr<Component>> parse_component(std::span<const std::byte> binary, const DecodeLimits& limits) {
  if (binary.size() > limits.max_bytes || binary.size() > 0xffff'ffff) {
    return fail(Code::limit, concat("decoding a component: it has ", binary.size(), " bytes, the limit is ",
                                    std::min<std::size_t>(limits.max_bytes, 0xffff'ffff)));
  }
  if (binary.size() >= 8 && as_text(binary.first(4)) == magic && as_text(binary.subspan(4, 4)) == module_version) {
    return fail(Code::bad_type,
                "decoding a component: this is a core module; make a component of it with `wasm-tools component new`, "
                "or run it as a reactor");
  }
  Failure failure;
  Reader in(binary, failure);
  auto out = std::make_unique<Component>();
  Parser(limits).component(in, *out, 1);
  if (failure.failed()) return fail(failure.take());
  return out;
}

bool Parser::count_item(Reader& in) {
  if (++items_ <= limits_.max_items) return in.ok();
  in.fail(concat("there are more than ", limits_.max_items, " definitions"), Code::limit);
  return false;
}

void Parser::component(Reader in, Component& out, std::uint32_t depth) {
  if (depth > limits_.max_nesting) {
    return in.fail(concat("components are nested more than ", limits_.max_nesting, " deep"), Code::limit);
  }
  out.offset = static_cast<std::uint32_t>(in.offset());
  if (as_text(in.bytes(4)) != magic) return in.fail_at(out.offset, "the magic number \\0asm is missing");
  auto version = as_text(in.bytes(4));
  if (!in.ok()) return;
  if (version != component_version) {
    return in.fail_at(out.offset + 4, "the version is not that of a component (0d 00 01 00)");
  }
  while (in.ok() && !in.done()) {
    std::size_t start = in.offset();
    std::uint8_t id = in.byte();
    std::uint32_t size = in.u32();
    if (size > in.left()) return in.fail_at(start, concat("section ", id, " is longer than what is left of the input"));
    section(id, in.cut(size), out, depth);
  }
}

void Parser::section(std::uint8_t id, Reader in, Component& out, std::uint32_t depth) {
  auto add = [&](std::size_t offset, auto&& what) {
    out.body.push_back({static_cast<std::uint32_t>(offset), std::forward<decltype(what)>(what)});
  };
  auto each = [&](const char* what, auto read) {
    for (std::uint32_t n = in.count(what); n > 0 && count_item(in); --n) {
      std::size_t offset = in.offset();
      auto found = read();
      if (in.ok()) add(offset, std::move(found));
    }
  };
  switch (id) {
    case 0: return custom(in, out);
    case 1: {
      if (!count_item(in)) return;
      std::size_t offset = in.offset();
      auto bytes = in.bytes(in.left());
      if (bytes.size() < 8 || as_text(bytes.first(4)) != magic || as_text(bytes.subspan(4, 4)) != module_version) {
        return in.fail_at(offset, "a core module section does not hold a core module of version 1");
      }
      return add(offset, CoreModule{bytes});
    }
    case 2: each("core instances", [&] { return core_instance(in); }); break;
    case 3: each("core types", [&] { return core_types(in); }); break;
    case 4: {
      if (!count_item(in)) return;
      std::size_t offset = in.offset();
      NestedComponent nested{std::make_unique<Component>()};
      component(in.rest(), *nested.component, depth + 1);
      if (in.ok()) add(offset, std::move(nested));
      return;
    }
    case 5: each("instances", [&] { return instance(in); }); break;
    case 6: each("aliases", [&] { return alias(in); }); break;
    case 7: each("types", [&] { return type(in, depth); }); break;
    case 8: each("canonical definitions", [&] { return canon(in); }); break;
    case 10: each("imports", [&] { return import(in); }); break;
    case 11: each("exports", [&] { return export_(in); }); break;
    case 9:
    case 12: return in.fail(values_are_gated, Code::unsupported);
    default: return in.fail(concat("a section has the unknown id ", id));
  }
  if (in.ok() && !in.done()) in.fail(concat("section ", id, " has ", in.left(), " bytes too many"));
}

// A broken name section is no reason to refuse a component: it is read with a failure of its own.
void Parser::custom(Reader in, Component& out) {
  if (in.name("name of a custom section") != "component-name" || !in.ok()) return;
  auto payload = in.bytes(in.left());
  Failure ignored;
  Reader names(payload, ignored);
  while (names.ok() && !names.done()) {
    std::uint8_t id = names.byte();
    Reader part = names.cut(names.u32());
    if (id == 0) {
      out.name = part.name("component name");
    } else if (id == 1) {
      Sort of = sort(part);
      for (std::uint32_t n = part.count("names"); n > 0 && part.ok(); --n) {
        std::uint32_t index = part.u32();
        auto name = part.name("name");
        if (part.ok() && (of == Sort::component || of == Sort::instance)) out.names.push_back({{of, index}, name});
      }
    }
  }
  std::ranges::sort(out.names, {}, [](auto& n) { return std::pair(n.first.sort, n.first.index); });
}

bool Parser::flag(Reader& in, const char* what) {
  std::uint8_t b = in.byte();
  if (b > 1) in.fail(concat("the byte ", b, " does not say whether there is ", what));
  return b == 1;
}

Sort Parser::core_sort(Reader& in) {
  switch (std::uint8_t b = in.byte()) {
    case 0x00: return Sort::core_func;
    case 0x01: return Sort::core_table;
    case 0x02: return Sort::core_memory;
    case 0x03: return Sort::core_global;
    case 0x04: return Sort::core_tag;
    case 0x10: return Sort::core_type;
    case 0x11: return Sort::core_module;
    case 0x12: return Sort::core_instance;
    default: in.fail(concat("the core sort ", b, " is unknown")); return {};
  }
}

Sort Parser::sort(Reader& in) {
  switch (std::uint8_t b = in.byte()) {
    case 0x00: return core_sort(in);
    case 0x01: return Sort::func;
    case 0x02: return Sort::value;
    case 0x03: return Sort::type;
    case 0x04: return Sort::component;
    case 0x05: return Sort::instance;
    default: in.fail(concat("the sort ", b, " is unknown")); return {};
  }
}

CoreInstanceDef Parser::core_instance(Reader& in) {
  CoreInstanceDef out;
  std::uint8_t form = in.byte();
  if (form > 1) in.fail(concat("a core instance has the unknown form ", form));
  out.instantiate = form == 0;
  if (out.instantiate) out.of = in.u32();
  for (std::uint32_t n = in.count("items of a core instance"); n > 0 && count_item(in); --n) {
    InlineItem item;
    item.name.name = in.name("name of a core instance's item");
    if (out.instantiate) {
      std::uint8_t b = in.byte();
      if (in.ok() && b != 0x12) in.fail(concat("an argument of a core instance has sort ", b, ", not instance"));
      item.item.sort = Sort::core_instance;
    } else {
      item.item.sort = core_sort(in);
    }
    item.item.index = in.u32();
    out.items.push_back(item);
  }
  return out;
}

InstanceDef Parser::instance(Reader& in) {
  InstanceDef out;
  std::uint8_t form = in.byte();
  if (form > 1) in.fail(concat("an instance has the unknown form ", form));
  out.instantiate = form == 0;
  if (out.instantiate) out.of = in.u32();
  for (std::uint32_t n = in.count("items of an instance"); n > 0 && count_item(in); --n) {
    InlineItem item;
    if (out.instantiate) {
      item.name.name = in.name("name of an argument");
    } else {
      item.name = extern_name(in);
    }
    item.item.sort = sort(in);
    item.item.index = in.u32();
    out.items.push_back(item);
  }
  return out;
}

Alias Parser::alias(Reader& in) {
  Alias out;
  out.sort = sort(in);
  std::uint8_t target = in.byte();
  out.number = in.u32();
  switch (target) {
    case 0:
      out.kind = Alias::export_;
      out.name = in.name("name of an alias");
      break;
    case 1:
      out.kind = Alias::core_export;
      out.name = in.name("name of an alias");
      break;
    case 2:
      out.kind = Alias::outer;
      out.index = in.u32();
      break;
    default: in.fail(concat("an alias has the unknown target ", target));
  }
  return out;
}

ExternName Parser::extern_name(Reader& in) {
  ExternName out;
  std::uint8_t form = in.byte();
  if (form > 2) in.fail(concat("an import or export name has the unknown form ", form));
  out.name = in.name("name of an import or export");
  if (form != 2) return out;
  auto once = [&](bool& has, std::string_view& where, const char* what) {
    if (has) in.fail(concat("the attribute ", what, " stands twice"));
    has = true;
    where = in.name(what);
  };
  for (std::uint32_t n = in.count("attributes"); n > 0 && in.ok(); --n) {
    switch (std::uint8_t b = in.byte()) {
      case 0: once(out.has_implements, out.implements, "implements"); break;
      case 1: once(out.has_version_suffix, out.version_suffix, "versionsuffix"); break;
      case 2: once(out.has_external_id, out.external_id, "external-id"); break;
      default: in.fail(concat("the attribute ", b, " is unknown"));
    }
  }
  return out;
}

ExternType Parser::extern_type(Reader& in) {
  ExternType out;
  switch (std::uint8_t b = in.byte()) {
    case 0x00:
      if (std::uint8_t c = in.byte(); in.ok() && c != 0x11)
        in.fail(concat("the core sort ", c, " cannot be imported or exported"));
      out.sort = Sort::core_module;
      break;
    case 0x01: out.sort = Sort::func; break;
    case 0x02: in.fail(values_are_gated, Code::unsupported); return out;
    case 0x03: {
      out.sort = Sort::type;
      std::uint8_t bound = in.byte();
      if (bound > 1) in.fail(concat("a type has the unknown bound ", bound));
      out.fresh_resource = bound == 1;
      if (bound == 1) return out;
      break;
    }
    case 0x04: out.sort = Sort::component; break;
    case 0x05: out.sort = Sort::instance; break;
    default: in.fail(concat("the kind ", b, " of an import or export is unknown")); return out;
  }
  out.number = in.u32();
  return out;
}

ImportDecl Parser::import(Reader& in) {
  ImportDecl out;
  out.name = extern_name(in);
  out.type = extern_type(in);
  return out;
}

ExportDef Parser::export_(Reader& in) {
  ExportDef out;
  out.name = extern_name(in);
  out.item.sort = sort(in);
  if (in.ok() && out.item.sort == Sort::value) in.fail(values_are_gated, Code::unsupported);
  out.item.index = in.u32();
  out.ascribed = flag(in, "a type ascription");
  if (out.ascribed) out.type = extern_type(in);
  return out;
}

}  // namespace detail
}  // namespace crank::component
