// Lifting any type from any memory gives a value or an error. A value that came out fits its type, survives lowering into
// another memory and WAVE text, and a direct copy writes the very bytes that lifting and lowering write. realloc answers
// honestly, or whatever the input says. The first bytes choose type, encodings and mode; the rest is the memory.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "crank/component/abi.h"
#include "crank/component/type_arena.h"
#include "crank/component/wave.h"

namespace {

using namespace crank::component;

void require(bool holds) {
  if (!holds) std::abort();
}

struct Input {
  std::span<const std::uint8_t> rest;
  std::uint8_t next() {
    if (rest.empty()) return 0;
    std::uint8_t b = rest[0];
    rest = rest.subspan(1);
    return b;
  }
};

TypeRef any_type(TypeArena& types, Input& in, int depth) {
  std::uint8_t choice = in.next();
  auto sub = [&] { return any_type(types, in, depth - 1); };
  auto several = [&] {
    std::vector<TypeRef> out(1 + in.next() % 4);
    for (TypeRef& type : out) type = sub();
    return out;
  };
  if (depth > 0) {
    switch (choice % 24) {
      case 13:
      case 14: return types.list(sub());
      case 15: return types.fixed_list(sub(), 1 + in.next() % 4);
      case 16: return types.tuple(several());
      case 17: {
        std::vector<Field> fields;
        for (TypeRef type : several()) fields.push_back({crank::concat("f", fields.size()), type});
        return types.record(std::move(fields));
      }
      case 18: {
        std::vector<Field> cases;
        for (TypeRef type : several())
          cases.push_back({crank::concat("c", cases.size()), in.next() % 3 ? type : nullptr});
        return types.variant(std::move(cases));
      }
      case 19: return types.option(sub());
      case 20: {
        TypeRef ok = sub(), error = sub();
        return types.result(in.next() % 2 ? ok : nullptr, error);
      }
      case 21: {
        std::vector<std::string> labels;
        for (unsigned n = 1 + in.next() % 32; labels.size() < n;) labels.push_back(crank::concat("b", labels.size()));
        return choice % 2 ? types.flags(labels) : types.enum_(labels);
      }
      case 22: return types.map(types.primitive(TypeKind::string), sub());
      default: break;
    }
  }
  return types.primitive(static_cast<TypeKind>(choice % 13));
}

class Memory final : public Reallocator {
 public:
  explicit Memory(std::vector<std::uint8_t> bytes, Input* answers = nullptr)
      : bytes(std::move(bytes)), answers_(answers) {}
  crank::Result<std::uint32_t> reallocate(std::uint32_t old, std::uint32_t old_size, std::uint32_t alignment,
                                          std::uint32_t new_size) override {
    if (answers_) return static_cast<std::uint32_t>(answers_->next() | answers_->next() << 8);
    if (old && new_size <= old_size) return old;
    next_ = (next_ + alignment - 1) & ~std::uint64_t{alignment - 1};
    std::uint64_t at = next_;
    if (at + new_size > bytes.size()) return crank::fail(crank::Code::limit, "full");
    next_ += new_size;
    std::copy_n(bytes.begin() + old, std::min(old_size, new_size), bytes.begin() + static_cast<std::ptrdiff_t>(at));
    return static_cast<std::uint32_t>(at);
  }
  MemoryView memory() override { return {reinterpret_cast<std::byte*>(bytes.data()), bytes.size()}; }
  std::vector<std::uint8_t> bytes;

 private:
  Input* answers_;
  std::uint64_t next_ = 1 << 14;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input in{{data, size}};
  TypeArena types;
  TypeRef type = any_type(types, in, 4);
  auto encoding = static_cast<StringEncoding>(in.next() % 3), to_encoding = static_cast<StringEncoding>(in.next() % 3);
  std::uint8_t mode = in.next();
  std::uint64_t slots[FlatTypes::max];
  for (std::uint64_t& slot : slots) slot = in.next();

  Memory source({in.rest.begin(), in.rest.end()});
  LiftLowerContext side{source.memory(), encoding, &source};
  side.budget = 1 << 20;
  std::uint32_t address = static_cast<std::uint32_t>(slots[0]) & ~(type->alignment - 1);
  bool flat = (mode & 1) && !type->flat.overflow;
  crank::Result<Value> value = flat ? lift_flat(side, slots, type) : load(side, address, type);

  Memory target(std::vector<std::uint8_t>(1 << 17), mode & 2 ? &in : nullptr);
  LiftLowerContext to{target.memory(), to_encoding, &target};
  if (!value) {
    if (!flat && value.error().code() != crank::Code::limit) require(!copy_value(side, address, type, to, 0, type));
    return 0;
  }
  require(check_value(*value, type).has_value());
  std::string text = to_wave(*value, type);
  if (text.find("nan") == std::string::npos) {  // a NaN has no name of its own
    std::string_view rest = text;
    crank::Result<Value> read = parse_wave(rest, type);
    require(read && rest.empty() && *read == *value);
  }
  Value kept = value->clone();
  bool stored = store(to, *std::move(value), 0, type).has_value();
  if (mode & 2) return 0;
  if (!stored) return 0;  // full
  crank::Result<Value> again = load(to, 0, type);
  require(again.has_value() && *again == kept);
  if (flat) return 0;
  Memory copied(std::vector<std::uint8_t>(1 << 17));
  LiftLowerContext second{copied.memory(), to_encoding, &copied};
  require(copy_value(side, address, type, second, 0, type).has_value());
  require(copied.bytes == target.bytes);
  return 0;
}
