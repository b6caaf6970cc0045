// wasi:random@0.3.0: random (the kernel's), insecure and insecure-seed (a generator seeded by it).
#include <sys/random.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "crank/wasi/registration.h"

namespace crank::wasi {
namespace {

// A longer request gets this much; the interface lets us answer with less, and a guest cannot make us allocate at will.
constexpr std::uint64_t most_bytes = 64 * 1024;

void fill_random(std::span<std::byte> bytes) {
  while (!bytes.empty()) {
    const auto n = ::getrandom(bytes.data(), bytes.size(), 0);
    if (n > 0) bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
}
std::uint64_t random_word() {
  std::uint64_t word = 0;
  fill_random(std::as_writable_bytes(std::span(&word, 1)));
  return word;
}

// SplitMix64: each thread's own stream.
std::uint64_t insecure_word() {
  thread_local std::uint64_t state = random_word();
  std::uint64_t z = state += 0x9e3779b97f4a7c15u;
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

std::vector<std::byte> buffer_for(std::span<Value> v) {
  return std::vector<std::byte>(static_cast<std::size_t>(std::min(v[0].as_u64(), most_bytes)));
}

Result<Value> random_bytes(Context&, std::span<Value> v) {
  auto bytes = buffer_for(v);
  fill_random(bytes);
  return Value::packed(Value::Kind::u8, std::move(bytes));
}
Result<Value> random_u64(Context&, std::span<Value>) { return Value::u64(random_word()); }

Result<Value> insecure_bytes(Context&, std::span<Value> v) {
  auto bytes = buffer_for(v);
  for (std::size_t at = 0; at < bytes.size(); at += 8) {
    const auto word = insecure_word();
    std::memcpy(bytes.data() + at, &word, std::min<std::size_t>(8, bytes.size() - at));
  }
  return Value::packed(Value::Kind::u8, std::move(bytes));
}
Result<Value> insecure_u64(Context&, std::span<Value>) { return Value::u64(insecure_word()); }
Result<Value> insecure_seed(Context&, std::span<Value>) {
  return tuple(Value::u64(random_word()), Value::u64(random_word()));
}

constexpr PlainEntry secure[] = {{"get-random-bytes", random_bytes}, {"get-random-u64", random_u64}};
constexpr PlainEntry insecure[] = {{"get-insecure-random-bytes", insecure_bytes},
                                   {"get-insecure-random-u64", insecure_u64}};
constexpr PlainEntry seed[] = {{"get-insecure-seed", insecure_seed}};

}  // namespace

void add_random(Imports& imports, std::shared_ptr<Context> context) {
  add_functions(imports.interface("wasi:random/random@0.3.0"), context, secure);
  add_functions(imports.interface("wasi:random/insecure@0.3.0"), context, insecure);
  add_functions(imports.interface("wasi:random/insecure-seed@0.3.0"), context, seed);
}

}  // namespace crank::wasi
