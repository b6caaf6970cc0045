// What a child may be given when it is made: a name (R1) and a priority (R10).
//
//     group.spawn(load(url), {.name = "load", .priority = crank::Priority::high});
//     auto ads = crank::async_let(load_ads(), {.name = "ads"});
#pragma once

#include <optional>

#include "crank/async/task_record.h"

namespace crank {

struct ChildOptions {
  const char* name = nullptr;             ///< a literal; shown in reports
  std::optional<Priority> priority = {};  ///< no less than the parent's, which waits for it; else the parent's
};

namespace detail {

/// Stands right before a record whose `named_before_bit` is set: there TaskRecord::name finds it. So a child without a name
/// is no bigger for it.
struct alignas(name_word_size) NameWord {
  const char* name;
};
static_assert(sizeof(NameWord) == name_word_size && alignof(TaskRecord) == name_word_size);

template <class Record>
class Named : public NameWord, public Record {
 public:
  using Record::Record;
  /// Before anybody else sees the child.
  void set_name(const char* name) noexcept {
    this->NameWord::name = name;
    this->status.store(TaskRecord::named_before_bit, std::memory_order_relaxed);
  }
};

}  // namespace detail
}  // namespace crank
