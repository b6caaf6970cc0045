#include "crank/guest/id_table.h"

#include <cstdlib>

namespace crank::guest {

IdTable::~IdTable() { std::free(slots_); }

// Only called when no slot is free: the new ones are the whole free list.
bool IdTable::grow() noexcept {
  std::uint32_t wanted = size_ ? size_ * 2 : first_size;
  if (wanted > index_mask) wanted = index_mask;
  if (wanted == size_) return false;
  auto* slots = static_cast<Slot*>(std::realloc(slots_, wanted * sizeof(Slot)));
  if (!slots) return false;
  for (std::uint32_t index = size_; index < wanted; ++index) slots[index] = {nullptr, 0, index + 1};
  first_free_ = size_;
  last_free_ = wanted - 1;
  slots_ = slots;
  size_ = wanted;
  return true;
}

std::uint32_t IdTable::add(void* occupant) noexcept {
  if (live_ == size_ && !grow()) return 0;
  std::uint32_t index = first_free_;
  Slot& slot = slots_[index];
  first_free_ = slot.next;
  slot.occupant = occupant;
  ++live_;
  return id_of(index);
}

void* IdTable::find(std::uint32_t id) const noexcept {
  std::uint32_t index = index_of(id);
  if (index >= size_ || slots_[index].generation != id >> index_bits) return nullptr;
  return slots_[index].occupant;
}

void IdTable::remove(std::uint32_t id) noexcept {
  std::uint32_t index = index_of(id);
  Slot& slot = slots_[index];
  slot.occupant = nullptr;
  slot.generation = (slot.generation + 1) & generation_mask;
  if (live_ == size_)
    first_free_ = index;
  else
    slots_[last_free_].next = index;
  last_free_ = index;
  --live_;
}

}  // namespace crank::guest
