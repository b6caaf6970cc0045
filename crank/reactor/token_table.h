// Internal: from a guest's token to what waits under it. Open addressing with backward shift; entries keep their place in
// memory, are reused, and a warm table allocates nothing.
#pragma once

#include <cstdint>
#include <deque>
#include <utility>
#include <vector>

namespace crank::reactor {

template <class T>
class TokenTable {
 public:
  std::uint32_t size() const noexcept { return size_; }

  T* find(std::uint32_t token) const noexcept {
    if (size_ == 0) return nullptr;
    for (std::size_t at = home(token);; at = next(at)) {
      if (slots_[at].item == nullptr) return nullptr;
      if (slots_[at].token == token) return slots_[at].item;
    }
  }
  /// An entry for a token that is not there. What a former user left in it is for the caller to reset.
  T& add(std::uint32_t token) {
    if ((size_ + 1) * 2 > slots_.size()) grow();
    T* item;
    if (free_.empty()) {
      item = &storage_.emplace_back();
    } else {
      item = free_.back();
      free_.pop_back();
    }
    place(token, item);
    ++size_;
    return *item;
  }
  void remove(std::uint32_t token) noexcept {
    if (size_ == 0) return;
    std::size_t at = home(token);
    while (slots_[at].item != nullptr && slots_[at].token != token) at = next(at);
    if (slots_[at].item == nullptr) return;
    free_.push_back(slots_[at].item);
    --size_;
    // Move back what was pushed behind its home by the entry that goes.
    for (std::size_t hole = at, probe = next(at);; probe = next(probe)) {
      if (slots_[probe].item == nullptr) {
        slots_[hole].item = nullptr;
        return;
      }
      std::size_t wanted = home(slots_[probe].token);
      bool stays = hole < probe ? wanted > hole && wanted <= probe : wanted > hole || wanted <= probe;
      if (!stays) {
        slots_[hole] = slots_[probe];
        hole = probe;
      }
    }
  }
  template <class Visit>
  void each(Visit visit) const {
    for (const Slot& slot : slots_) {
      if (slot.item != nullptr) visit(slot.token, *slot.item);
    }
  }

 private:
  struct Slot {
    std::uint32_t token = 0;
    T* item = nullptr;
  };
  std::size_t home(std::uint32_t token) const noexcept { return (token * 0x9e3779b1u) & (slots_.size() - 1); }
  std::size_t next(std::size_t at) const noexcept { return (at + 1) & (slots_.size() - 1); }
  void place(std::uint32_t token, T* item) noexcept {
    std::size_t at = home(token);
    while (slots_[at].item != nullptr) at = next(at);
    slots_[at] = {token, item};
  }
  void grow() {
    std::vector<Slot> old = std::exchange(slots_, std::vector<Slot>(slots_.empty() ? 64 : slots_.size() * 2));
    free_.reserve(slots_.size());
    for (const Slot& slot : old) {
      if (slot.item != nullptr) place(slot.token, slot.item);
    }
  }

  std::vector<Slot> slots_;
  std::deque<T> storage_;
  std::vector<T*> free_;
  std::uint32_t size_ = 0;
};

}  // namespace crank::reactor
