// For tests of lifting and lowering: a linear memory that is a byte buffer, with a bump allocator that keeps a log.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "crank/component/abi.h"

namespace crank::component::test {

class Memory final : public Reallocator {
 public:
  explicit Memory(std::size_t size = 4096, std::uint32_t next = 1024) : bytes(size), next_(next) {
    bytes.reserve(size);
  }

  Result<std::uint32_t> reallocate(std::uint32_t old, std::uint32_t old_size, std::uint32_t alignment,
                                   std::uint32_t new_size) override {
    log.push_back({old, old_size, alignment, new_size});
    if (forced) return *forced;
    if (refuse) return fail(Code::trap, "unreachable in realloc");
    if (old && new_size <= old_size) return old;
    next_ = (next_ + alignment - 1) & ~(alignment - 1);
    std::uint32_t at = next_;
    if (std::uint64_t{at} + new_size > bytes.size()) return fail(Code::trap, "the bump allocator is out of memory");
    next_ += new_size;
    for (std::uint32_t i = 0; i < std::min(old_size, new_size); ++i) bytes[at + i] = bytes[old + i];
    return at;
  }
  MemoryView memory() override { return {bytes.data(), bytes.size()}; }

  LiftLowerContext context(StringEncoding encoding = StringEncoding::utf8, HandleAccess* handles = nullptr) {
    return {memory(), encoding, this, handles};
  }
  template <class T>
  void put(std::uint32_t address, T value) {
    std::memcpy(bytes.data() + address, &value, sizeof value);
  }
  template <class T>
  T get(std::uint32_t address) const {
    T value;
    std::memcpy(&value, bytes.data() + address, sizeof value);
    return value;
  }
  void put_text(std::uint32_t address, std::string_view text) {
    std::memcpy(bytes.data() + address, text.data(), text.size());
  }
  std::string text(std::uint32_t address, std::uint32_t size) const {
    return {reinterpret_cast<const char*>(bytes.data()) + address, size};
  }

  std::vector<std::byte> bytes;
  std::vector<std::array<std::uint32_t, 4>> log;
  std::optional<std::uint32_t> forced;  ///< what realloc answers, whatever is asked
  bool refuse = false;

 private:
  std::uint32_t next_;
};

}  // namespace crank::component::test
