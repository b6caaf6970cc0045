// crank_abi_differential: repeats on crank/component/abi.h what the specification's reference did, and compares. Reads
// one case a line (differential.py writes them); the first difference is printed whole and ends with code 1.
#include <cstdio>
#include <iostream>
#include <nlohmann/json.hpp>

#include "crank/component/abi_test_memory.h"
#include "crank/component/type_arena.h"
#include "crank/component/wave.h"

namespace crank::spec {
namespace {

using namespace crank::component;
using nlohmann::json;

TypeRef read_type(TypeArena& arena, const json& t) {
  if (t.is_null()) return nullptr;
  std::string kind = t.at("k");
  static constexpr std::pair<std::string_view, TypeKind> simple[] = {
      {"bool", TypeKind::bool_},   {"s8", TypeKind::s8},   {"u8", TypeKind::u8},   {"s16", TypeKind::s16},
      {"u16", TypeKind::u16},      {"s32", TypeKind::s32}, {"u32", TypeKind::u32}, {"s64", TypeKind::s64},
      {"u64", TypeKind::u64},      {"f32", TypeKind::f32}, {"f64", TypeKind::f64}, {"char", TypeKind::char_},
      {"string", TypeKind::string}};
  for (auto& [name, value] : simple)
    if (name == kind) return arena.primitive(value);
  std::vector<TypeRef> parts;
  if (t.contains("t") && t.at("t").is_array())
    for (const json& part : t.at("t")) parts.push_back(read_type(arena, part));
  auto labels = [&](std::size_t n, const char* prefix) {
    std::vector<std::string> out;
    for (std::size_t i = 0; i < n; ++i) out.push_back(concat(prefix, i));
    return out;
  };
  auto fields = [&](const char* prefix) {
    std::vector<Field> out;
    for (TypeRef part : parts) out.push_back({concat(prefix, out.size()), part});
    return out;
  };
  if (kind == "list") return arena.list(read_type(arena, t.at("t")));
  if (kind == "fixed") return arena.fixed_list(read_type(arena, t.at("t")), t.at("n").get<std::uint32_t>());
  if (kind == "map") return arena.map(parts[0], parts[1]);
  if (kind == "record") return arena.record(fields("f"));
  if (kind == "tuple") return arena.tuple(parts);
  if (kind == "variant") return arena.variant(fields("c"));
  if (kind == "enum") return arena.enum_(labels(t.at("n").get<std::size_t>(), "c"));
  if (kind == "option") return arena.option(parts[0]);
  if (kind == "result") return arena.result(parts[0], parts[1]);
  return arena.flags(labels(t.at("n").get<std::size_t>(), "b"));
}

StringOrigin origin_named(const std::string& name) {
  return name == "utf8"     ? StringOrigin::utf8
         : name == "utf16"  ? StringOrigin::utf16
         : name == "latin1" ? StringOrigin::latin1
                            : StringOrigin::tagged_utf16;
}

StringEncoding encoding_named(const std::string& name) {
  return name == "utf8" ? StringEncoding::utf8 : name == "utf16" ? StringEncoding::utf16 : StringEncoding::latin1_utf16;
}

Value read_value(const json& v, TypeRef type) {
  switch (type->kind) {
    case TypeKind::bool_: return Value::boolean(v.get<bool>());
    case TypeKind::string: return Value::string(v.at(0).get<std::string>(), origin_named(v.at(1)));
    case TypeKind::list:
    case TypeKind::map:
    case TypeKind::fixed_list: {
      std::vector<Value> values;
      for (const json& element : v) values.push_back(read_value(element, type->element));
      return Value::list(std::move(values));
    }
    case TypeKind::record:
    case TypeKind::tuple: {
      std::vector<Value> values;
      for (std::size_t i = 0; i < v.size(); ++i) values.push_back(read_value(v.at(i), type->fields[i].type));
      return Value::list(std::move(values));
    }
    case TypeKind::variant:
    case TypeKind::enum_:
    case TypeKind::option:
    case TypeKind::result: {
      auto index = v.at(0).get<std::uint32_t>();
      TypeRef payload = type->fields[index].type;
      return payload ? Value::variant(index, read_value(v.at(1), payload)) : Value::variant(index);
    }
    case TypeKind::flags: return Value::flags(v.get<std::uint64_t>());
    default: break;
  }
  std::uint64_t bits =
      v.is_number_unsigned() ? v.get<std::uint64_t>() : static_cast<std::uint64_t>(v.get<std::int64_t>());
  return Value::scalar(static_cast<Value::Kind>(static_cast<int>(type->kind) + static_cast<int>(Value::Kind::bool_)),
                       bits);
}

// Equal, and strings of equal origin: the next lowering depends on it.
bool same(const Value& a, const Value& b) {
  if (a.kind() == Value::Kind::string && b.kind() == Value::Kind::string)
    return a.as_string() == b.as_string() && a.string_origin() == b.string_origin();
  if (a.kind() == Value::Kind::list && b.kind() == Value::Kind::list)
    return std::ranges::equal(a.elements(), b.elements(), same);
  if (a.kind() == Value::Kind::variant && b.kind() == Value::Kind::variant)
    return a.case_index() == b.case_index() && same(a.payload(), b.payload());
  return a == b;
}

std::vector<std::byte> from_hex(const std::string& hex) {
  std::vector<std::byte> out(hex.size() / 2);
  for (std::size_t i = 0; i < out.size(); ++i)
    out[i] = static_cast<std::byte>(std::stoi(hex.substr(2 * i, 2), nullptr, 16));
  return out;
}

class Case {
 public:
  explicit Case(const json& c) : c_(c), type_(read_type(arena_, c.at("type"))) {}

  /// Empty, or what differs.
  std::string run() {
    const json& layout = c_.at("layout");
    if (type_->size != layout.at(0) || type_->alignment != layout.at(1))
      return concat("layout: ", type_->size, ", ", type_->alignment);
    if (std::string flat = flat_names();
        type_->flat.overflow != layout.at(2).is_null() || (!type_->flat.overflow && flat != join(layout.at(2))))
      return concat("flattening: ", flat);
    std::string op = c_.at("op");
    test::Memory memory(0, 1024);
    memory.bytes = from_hex(c_.at("before"));
    LiftLowerContext side = memory.context(encoding_named(c_.at("encoding")));
    auto address = c_.at("address").get<std::uint32_t>();
    std::uint64_t slots[16] = {};
    if (op == "store") return compare(store(side, read_value(c_.at("value"), type_), address, type_), memory);
    if (op == "lower_flat") {
      std::fill_n(slots, 16, ~0ull);
      Result<void> result = lower_flat(side, read_value(c_.at("value"), type_), slots, type_);
      if (std::string difference = compare(result, memory); !difference.empty() || !result) return difference;
      for (std::size_t i = 0; i < c_.at("slots").size(); ++i)
        if (slots[i] != c_.at("slots").at(i).get<std::uint64_t>()) return concat("slot ", i, " is ", slots[i]);
      return "";
    }
    if (op == "copy") {
      test::Memory target(0, 1024);
      if (!c_.contains("to_before")) return compare_value(load(side, address, type_));  // the source traps
      target.bytes = from_hex(c_.at("to_before"));
      LiftLowerContext to = target.context(encoding_named(c_.at("to_encoding")));
      return compare(copy_value(side, address, type_, to, address, type_), target);
    }
    if (op == "load") return compare_value(load(side, address, type_));
    for (std::size_t i = 0; i < c_.at("slots").size(); ++i) slots[i] = c_.at("slots").at(i).get<std::uint64_t>();
    return compare_value(lift_flat(side, slots, type_));
  }

 private:
  bool traps() const { return c_.contains("trap"); }

  std::string compare(const Result<void>& result, const test::Memory& memory) const {
    if (!result)
      return traps() && result.error().code() == Code::trap ? "" : concat("an error: ", result.error().message());
    if (traps()) return "no trap";
    if (json(memory.log) != c_.at("log")) return concat("realloc calls: ", json(memory.log).dump());
    std::vector<std::byte> wanted = from_hex(c_.at("memory"));
    for (std::size_t i = 0; i < wanted.size(); ++i)
      if (memory.bytes[i] != wanted[i])
        return concat("memory at ", i, " is ", static_cast<unsigned>(memory.bytes[i]), ", not ",
                      static_cast<unsigned>(wanted[i]));
    return "";
  }
  std::string compare_value(const Result<Value>& result) const {
    if (!result)
      return traps() && result.error().code() == Code::trap ? "" : concat("an error: ", result.error().message());
    if (traps()) return concat("no trap, but ", to_wave(*result, type_));
    if (!same(*result, read_value(c_.at("value"), type_))) return concat("the value ", to_wave(*result, type_));
    return "";
  }
  std::string flat_names() const {
    std::string out;
    static constexpr const char* names[] = {"i32", "i64", "f32", "f64"};
    for (CoreType t : type_->flat.span()) out += concat(names[static_cast<int>(t)], " ");
    return out;
  }
  static std::string join(const json& names) {
    std::string out;
    for (const json& name : names) out += name.get<std::string>() + " ";
    return out;
  }

  const json& c_;
  TypeArena arena_;
  TypeRef type_;
};

int main() {
  std::string line;
  for (long count = 0; std::getline(std::cin, line); ++count) {
    json c = json::parse(line);
    if (std::string difference = Case(c).run(); !difference.empty()) {
      std::printf("case %ld differs from the reference: %s\n%s\n", count, difference.c_str(), line.c_str());
      return 1;
    }
  }
  return 0;
}

}  // namespace
}  // namespace crank::spec

int main() { return crank::spec::main(); }
