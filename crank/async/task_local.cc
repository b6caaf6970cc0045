#include "crank/async/task_local.h"

namespace crank::detail {

// Innermost first, shadowed ones left out, so that a chain of spawns does not grow.
void copy_locals(TaskRecord& to, const TaskRecord& from) {
  LocalBinding** tail = &to.locals;
  for (LocalBinding* binding = from.locals; binding; binding = binding->next) {
    bool shadowed = false;
    for (LocalBinding* inner = from.locals; inner != binding; inner = inner->next)
      shadowed |= inner->key == binding->key;
    if (shadowed) continue;
    LocalBinding* copied = binding->copy(*binding);
    copied->next = nullptr;
    *tail = copied;
    tail = &copied->next;
  }
}

void release_copied_locals(TaskRecord& task) noexcept {
  LocalBinding* binding = task.locals;
  task.locals = nullptr;
  while (binding) {
    LocalBinding* next = binding->next;
    binding->destroy(*binding);
    binding = next;
  }
}

}  // namespace crank::detail
