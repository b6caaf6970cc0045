// Names for things that wait, as numbers that may cross to the host and come back late, twice or never: a slot index with a
// generation. An id is not handed out again before every other id of its slot was, and slots are reused oldest first, so
// that a stale one is told from a live one (P4).
//
//     id = generation (12 bits) | index + 1 (20 bits): 1, 2, 3, … at first, never 0
#pragma once

#include <cstdint>

namespace crank::guest {

class IdTable {
 public:
  IdTable() = default;
  IdTable(const IdTable&) = delete;
  IdTable& operator=(const IdTable&) = delete;
  ~IdTable();

  /// An id other than 0 for `occupant` (not null), or 0 when 2^20 - 1 are live or memory is out. Allocates only to grow.
  std::uint32_t add(void* occupant) noexcept;
  /// What the id stands for, or null: then `was_issued` says whether it looks like one of ours that is over.
  void* find(std::uint32_t id) const noexcept;
  bool was_issued(std::uint32_t id) const noexcept { return index_of(id) < size_; }
  /// Ends a live id.
  void remove(std::uint32_t id) noexcept;
  std::uint32_t live() const noexcept { return live_; }

  /// Calls `visit(id, occupant)` for every live id, in no particular order.
  template <class Visit>
  void each(Visit visit) const {
    for (std::uint32_t index = 0; index < size_; ++index)
      if (slots_[index].occupant) visit(id_of(index), slots_[index].occupant);
  }

 private:
  static constexpr std::uint32_t index_bits = 20, index_mask = (1U << index_bits) - 1, generation_mask = (1U << 12) - 1;
  static constexpr std::uint32_t first_size = 64;
  struct Slot {
    void* occupant;
    std::uint32_t generation;
    std::uint32_t next;  // free slot after this one
  };
  bool grow() noexcept;
  // Of 0, which no slot has, a number out of range.
  static std::uint32_t index_of(std::uint32_t id) noexcept { return (id & index_mask) - 1; }
  std::uint32_t id_of(std::uint32_t index) const noexcept {
    return slots_[index].generation << index_bits | (index + 1);
  }

  Slot* slots_ = nullptr;
  std::uint32_t size_ = 0, live_ = 0;
  std::uint32_t first_free_ = 0, last_free_ = 0;  // a list when live_ < size_
};

}  // namespace crank::guest
