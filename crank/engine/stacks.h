// Internal: stacks for fibers, mapped once and handed round. The engine's own would map and unmap one for each fiber
// (12 us); taking one from this list costs a lock that is hardly ever contended.
#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

namespace crank::engine {

class Stacks {
 public:
  struct Stack {
    Stacks* owner = nullptr;
    std::uint8_t* mapping = nullptr;  ///< a guard page, then the stack
    std::size_t size = 0;             ///< of the stack alone
  };

  Stacks() = default;
  ~Stacks();
  Stacks(const Stacks&) = delete;
  Stacks& operator=(const Stacks&) = delete;

  /// A stack of at least `size` bytes, null if the system has no memory. Thread-safe.
  Stack* take(std::size_t size);
  void give_back(Stack* stack) noexcept;
  static std::size_t page() noexcept;

 private:
  static constexpr std::size_t kept = 256;
  static void unmap(Stack* stack) noexcept;
  std::mutex mutex_;
  std::vector<Stack*> free_;
};

}  // namespace crank::engine
