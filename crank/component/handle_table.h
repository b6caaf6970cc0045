// Internal: the handle table of one component instance. One vector, one index space for resources, waitables, waitable
// sets and error contexts; 1-based; the index freed last is used first (guests may rely on neither, tests do on both).
// Touched on the instance's executor only. Source: CanonicalABI.md, "Table State", "Resource State".
#pragma once

#include <cstdint>
#include <vector>

#include "crank/base/result.h"
#include "crank/component/program.h"
#include "crank/component/value.h"

namespace crank::component::detail {

struct Call;
struct End;
struct Waitable;
struct WaitableSet;

enum class EntryKind : std::uint8_t {
  free,
  resource,
  subtask,
  readable_stream,
  writable_stream,
  readable_future,
  writable_future,
  waitable_set,
  error_context,
};
std::string_view name_of(EntryKind kind) noexcept;
constexpr bool is_waitable(EntryKind kind) { return kind >= EntryKind::subtask && kind <= EntryKind::writable_future; }
constexpr bool is_end(EntryKind kind) {
  return kind >= EntryKind::readable_stream && kind <= EntryKind::writable_future;
}
constexpr bool is_readable(EntryKind kind) {
  return kind == EntryKind::readable_stream || kind == EntryKind::readable_future;
}
constexpr bool is_future(EntryKind kind) {
  return kind == EntryKind::readable_future || kind == EntryKind::writable_future;
}

struct Entry {
  EntryKind kind = EntryKind::free;
  bool own = false;       ///< resource: own, else borrow
  bool imported = false;  ///< resource: `object` stands for it, else `rep`
  ResourceId resource{};
  std::uint32_t lends = 0;  ///< resource: how many calls in flight have borrowed it
  union {
    std::uint32_t rep = 0;
    HandleObject* object;  ///< owned reference: imported resource, error context
    Waitable* waitable;
    WaitableSet* set;
    std::uint32_t next_free;
  };
  Call* scope = nullptr;  ///< borrow: the task that must drop it before it returns
};

class HandleTable {
 public:
  static constexpr std::uint32_t max_length = (1u << 28) - 1;

  explicit HandleTable(std::uint32_t limit) : limit_(limit < max_length ? limit : max_length) {
    entries_.emplace_back();
  }

  Result<std::uint32_t> add(const Entry& entry) {
    std::uint32_t index;
    if (!free_.empty()) {
      index = free_.back();
      free_.pop_back();
      entries_[index] = entry;
      return index;
    }
    if (entries_.size() > limit_) [[unlikely]]
      return fail(Code::limit,
                  concat("the component instance holds ", limit_, " handles, the most it may; it should drop some"));
    index = static_cast<std::uint32_t>(entries_.size());
    entries_.push_back(entry);
    return index;
  }

  /// Null if there is nothing at that index.
  Entry* find(std::uint32_t index) noexcept {
    if (index >= entries_.size() || entries_[index].kind == EntryKind::free) return nullptr;
    return &entries_[index];
  }
  /// The entry, of that kind; else the trap.
  Result<Entry*> get(std::uint32_t index, EntryKind kind) {
    Entry* entry = find(index);
    if (!entry) [[unlikely]]
      return unknown(index);
    if (entry->kind != kind) [[unlikely]]
      return wrong_kind(index, entry->kind, kind);
    return entry;
  }
  void remove(std::uint32_t index) {
    entries_[index] = Entry{};
    free_.push_back(index);
  }

  std::uint32_t size() const noexcept { return static_cast<std::uint32_t>(entries_.size() - 1 - free_.size()); }
  template <class F>
  void for_each(F&& visit) {
    for (std::uint32_t i = 1; i < entries_.size(); ++i)
      if (entries_[i].kind != EntryKind::free) visit(i, entries_[i]);
  }
  void clear() {
    entries_.assign(1, Entry{});
    free_.clear();
  }

  static std::unexpected<Error> unknown(std::uint32_t index);
  static std::unexpected<Error> wrong_kind(std::uint32_t index, EntryKind found, EntryKind wanted);

 private:
  std::vector<Entry> entries_;
  std::vector<std::uint32_t> free_;
  std::uint32_t limit_;
};

}  // namespace crank::component::detail
