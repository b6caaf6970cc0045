// Task-locals: values bound for the length of a scope, seen by the task, its children and (copied) the tasks it spawns.
//
//     inline const crank::TaskLocal<int> request_id;           // a key
//     crank::LocalScope scope(request_id, 42);                 // in the task, until the end of the scope
//     const int* id = request_id.get();                        // here, in calls and children; null when unbound
//
// Reading walks the bindings, innermost first: a few nanoseconds at usual depths.
#pragma once

#include <atomic>
#include <new>
#include <type_traits>
#include <utility>

#include "crank/async/frame_pool.h"
#include "crank/async/task_record.h"

namespace crank {

/// One binding; the bindings of a task form a list, whose tail may belong to its parent.
struct LocalBinding {
  const void* key;
  void* value;
  LocalBinding* next;
  /// Makes a binding on the heap with a copy of the value; it frees itself by `destroy`.
  LocalBinding* (*copy)(const LocalBinding& binding);
  void (*destroy)(LocalBinding& binding) noexcept;
};

/// A key, by its address: an object of static storage duration. T is copied into spawned tasks.
template <class T>
class TaskLocal {
 public:
  constexpr TaskLocal() noexcept = default;
  TaskLocal(const TaskLocal&) = delete;
  TaskLocal& operator=(const TaskLocal&) = delete;

  /// The innermost binding's value, or null. Valid while the binding's scope lasts.
  const T* get() const noexcept {
    TaskRecord* task = detail::thread_state().task;
    if (!task) return nullptr;
    for (LocalBinding* binding = task->locals; binding; binding = binding->next)
      if (binding->key == this) return static_cast<const T*>(binding->value);
    return nullptr;
  }
  const T& get_or(const T& fallback) const noexcept {
    const T* value = get();
    return value ? *value : fallback;
  }

 private:
  char identity_ = 0;  // an own address, also for empty objects
};

namespace detail {
template <class T>
struct OwnedBinding : LocalBinding {
  T stored;
  OwnedBinding(const void* key, T from)
      : LocalBinding{key, nullptr, nullptr, copy_of, destroyed}, stored(std::move(from)) {
    value = &stored;
  }
  static LocalBinding* copy_of(const LocalBinding& binding) {
    return new (frame_allocate(sizeof(OwnedBinding))) OwnedBinding(binding.key, *static_cast<const T*>(binding.value));
  }
  static void destroyed(LocalBinding& binding) noexcept {
    auto& self = static_cast<OwnedBinding&>(binding);
    self.~OwnedBinding();
    frame_free(&self, sizeof(OwnedBinding));
  }
};

void copy_locals(TaskRecord& to, const TaskRecord& from);
void release_copied_locals(TaskRecord& task) noexcept;
}  // namespace detail

/// Binds `key` in the current task until the scope ends, on the same task. Nest them like scopes. Outside of a task it binds
/// nothing: reads there give null.
template <class T>
class [[nodiscard("the binding ends with this object")]] LocalScope {
 public:
  LocalScope(const TaskLocal<T>& key, std::type_identity_t<T> value)
      : task_(detail::thread_state().task), binding_(&key, std::move(value)) {
    if (!task_) return;
    binding_.next = task_->locals;
    task_->locals = &binding_;
  }
  ~LocalScope() {
    if (task_) task_->locals = binding_.next;
  }
  LocalScope(const LocalScope&) = delete;
  LocalScope& operator=(const LocalScope&) = delete;

 private:
  TaskRecord* task_;
  detail::OwnedBinding<T> binding_;
};

}  // namespace crank
