#include "crank/component/side.h"

#include <cstring>

#include "crank/component/root_state.h"
#include "crank/component/task.h"

namespace crank::component::detail {

Side::Side(InstanceState& instance, ResolvedOptions* options, Call* scope, Activation* chain) noexcept
    : instance_(instance), options_(options), scope_(scope), chain_(chain) {
  context.handles = this;
  if (!options) return;
  context.encoding = options->encoding;
  if (options->memory) context.memory = memory();
  if (options->realloc) context.realloc = this;
}

MemoryView Side::memory() {
  if (!options_ || !options_->memory) return {};
  return {options_->base, instance_.group->store->memory_size(options_->memory)};
}

Result<std::uint32_t> Side::reallocate(std::uint32_t old, std::uint32_t old_size, std::uint32_t alignment,
                                       std::uint32_t new_size) {
  engine::RawVal v[4];
  v[0].u64 = old;
  v[1].u64 = old_size;
  v[2].u64 = alignment;
  v[3].u64 = new_size;
  Call& task = instance_.implicit;
  task.context[0] = task.context[1] = 0;
  instance_.may_leave = false;
  Result<> called = call_core(instance_, &instance_, task, chain_, options_->realloc, v, 4);
  instance_.may_leave = true;
  if (!called) return fail(std::move(called).error());
  context.memory = memory();
  return v[0].u32;
}

Result<> store_scalar(InstanceState& instance, ResolvedOptions& options, std::uint32_t address, std::uint32_t size,
                      std::uint64_t bits) {
  if (address % size != 0)
    return fail(Code::trap, concat("unaligned pointer: ", address, " must be a multiple of ", size));
  if (std::uint64_t{address} + size > options.known_bytes) [[unlikely]] {
    options.known_bytes = options.memory ? instance.group->store->memory_size(options.memory) : 0;
    if (std::uint64_t{address} + size > options.known_bytes)
      return fail(Code::trap,
                  concat("pointer out of bounds of memory: ", address, " + ", size, " > ", options.known_bytes));
  }
  std::memcpy(options.base + address, &bits, size);
  return {};
}

}  // namespace crank::component::detail
