// Built-ins about streams and futures: new, read, write, cancel, drop.
#include <chrono>
#include <thread>

#include "crank/component/block.h"
#include "crank/component/canon.h"
#include "crank/component/root_state.h"
#include "crank/component/side.h"
#include "crank/component/stream_state.h"
#include "crank/component/task.h"

namespace crank::component::detail {

using engine::RawVal;

namespace {

constexpr std::uint32_t blocked = 0xffff'ffff;

EntryKind end_kind(TypeRef type, bool reading) {
  if (type->kind == TypeKind::stream) return reading ? EntryKind::readable_stream : EntryKind::writable_stream;
  return reading ? EntryKind::readable_future : EntryKind::writable_future;
}

Result<std::uint32_t> add_end(InstanceState& instance, Ref<Shared> shared, TypeRef type, bool reading) {
  End* e = new End;
  e->kind = end_kind(type, reading);
  e->shared = std::move(shared);
  e->owner = &instance;
  e->type = type;
  Entry entry;
  entry.kind = e->kind;
  entry.waitable = e;
  auto index = instance.handles.add(entry);
  if (!index)
    delete e;
  else {
    e->index = *index;
    attach_domain(*e->shared, instance.root->shared_domain());
  }
  return index;
}

Result<End*> find_end(LowerState& e, std::uint32_t index, bool reading) {
  CRANK_TRY(Entry * entry, e.instance->handles.get(index, end_kind(e.spec->type, reading)));
  End* end = static_cast<End*>(entry->waitable);
  if (end->type != e.spec->type)
    return fail(Code::trap, concat("handle index ", index,
                                   " used with the wrong type: a stream or future of another element type"));
  return end;
}

Result<> end_new(LowerState& e, RawVal* v) {
  CRANK_TRY_VOID(check_may_leave(*e.instance));
  Ref<Shared> shared = make_shared_stream(e.spec->type);
  CRANK_TRY(std::uint32_t reader, add_end(*e.instance, shared, e.spec->type, true));
  CRANK_TRY(std::uint32_t writer, add_end(*e.instance, std::move(shared), e.spec->type, false));
  v[0].u64 = reader | std::uint64_t{writer} << 32;
  return {};
}

// A future read that ends without a value has no answer in the specification: its writer's component died (C9).
Result<std::uint32_t> take_outcome(End& end) {
  if (end.kind == EntryKind::readable_future && end.result == CopyResult::dropped)
    return fail(Code::trap, "the writer of a future ended without writing it");
  return deliver_copy(end).payload;
}

template <bool reading>
Result<bool> end_copy(LowerState& e, RawVal* v, bool again) {
  InstanceState& instance = *e.instance;
  End* end;
  if (!again) {
    CRANK_TRY_VOID(check_may_leave(instance));
    CRANK_TRY(end, find_end(e, v[0].u32, reading));
    if (end->state == CopyState::done)
      return fail(Code::trap,
                  is_future(end->kind)
                      ? (reading ? "cannot read from future after previous read succeeded"
                                 : "cannot write to future after previous write succeeded or readable end dropped")
                      : (reading ? "cannot read from stream after being notified that the writable end dropped"
                                 : "cannot write to stream after being notified that the readable end dropped"));
    if (end->state != CopyState::idle)
      return fail(Code::trap, "cannot have concurrent operations active on a future/stream");
    if (end->set && !e.async_)
      return fail(Code::trap, "waitable cannot be used synchronously while added to a waitable set");
    const std::uint32_t count = is_future(end->kind) ? 1 : v[2].u32;
    TypeRef element = e.spec->type->element;
    Side side(instance, e.options, nullptr, instance.group->top);
    if (auto ok = check_buffer(side.context, element, v[1].u32, count); !ok) return fail(std::move(ok).error());
    end->options = e.options;
    end->address = v[1].u32;
    end->base = element && side.context.memory.base ? side.context.memory.base + v[1].u32 : nullptr;
    end->length = count;
    end->progress = 0;
    end->state = CopyState::copying;
    CRANK_TRY(bool finished, start_copy(*end, instance.group->top));
    if (finished) {
      if (end->has_event) clear_event(*end);
      CRANK_TRY(std::uint32_t payload, take_outcome(*end));
      v[0].u64 = payload;
      return true;
    }
    if (e.async_) {
      v[0].u64 = blocked;
      return true;
    }
  } else {
    end = static_cast<End*>(current_task(instance).awaited);
  }
  if (!end->has_event) {
    CRANK_TRY(bool done, block_on(instance, *end, [&] { return end->has_event; }));
    if (!done) return false;
  }
  unblock(instance, *end);
  clear_event(*end);
  CRANK_TRY(std::uint32_t payload, take_outcome(*end));
  v[0].u64 = payload;
  return true;
}

// The host has the buffer on loan, on another thread, for as long as a system call takes. Who cannot suspend waits for it.
bool cancel_soon(End& end) {
  const auto patience = std::chrono::steady_clock::now() + std::chrono::milliseconds(100);
  while (!cancel_copy(end)) {
    if (std::chrono::steady_clock::now() > patience) return false;
    std::this_thread::yield();
  }
  return true;
}

template <bool reading>
Result<bool> end_cancel(LowerState& e, RawVal* v, bool again) {
  InstanceState& instance = *e.instance;
  End* end;
  if (!again) {
    CRANK_TRY_VOID(check_may_leave(instance));
    CRANK_TRY(end, find_end(e, v[0].u32, reading));
    if (end->state != CopyState::copying || end->sync_waiter)
      return fail(Code::trap, "cannot cancel a future/stream operation when none is pending");
    if (end->set && !e.async_)
      return fail(Code::trap, "waitable cannot be used synchronously while added to a waitable set");
    end->state = CopyState::cancelling;
    const bool may_wait = e.async_ || instance.group->store->can_suspend();
    if (end->has_event || cancel_copy(*end) || (!may_wait && cancel_soon(*end))) {
      clear_event(*end);
      CRANK_TRY(std::uint32_t payload, take_outcome(*end));
      v[0].u64 = payload;
      return true;
    }
    if (e.async_) {
      v[0].u64 = blocked;
      return true;
    }
  } else {
    end = static_cast<End*>(current_task(instance).awaited);
  }
  if (!end->has_event) {
    CRANK_TRY(bool done, block_on(instance, *end, [&] { return end->has_event; }));
    if (!done) return false;
  }
  unblock(instance, *end);
  clear_event(*end);
  CRANK_TRY(std::uint32_t payload, take_outcome(*end));
  v[0].u64 = payload;
  return true;
}

template <bool reading>
Result<> end_drop(LowerState& e, RawVal* v) {
  InstanceState& instance = *e.instance;
  CRANK_TRY_VOID(check_may_leave(instance));
  CRANK_TRY(End * end, find_end(e, v[0].u32, reading));
  if (end->state == CopyState::copying || end->state == CopyState::cancelling)
    return fail(Code::trap,
                concat("cannot ", reading ? "remove" : "drop", " busy ", is_future(end->kind) ? "future" : "stream"));
  if (end->kind == EntryKind::writable_future && end->state != CopyState::done)
    return fail(Code::trap, "cannot drop future write end without first writing a value");
  join(*end, nullptr);
  instance.handles.remove(v[0].u32);
  drop_side(*end->shared, false, instance.group->top);
  free_end(end);
  return {};
}

}  // namespace

CanonFunction canon_stream(const LowerState& env) {
  switch (env.spec->op) {
    case Builtin::stream_new:
    case Builtin::future_new: return {.plain = plain_trampoline<end_new>};
    case Builtin::stream_read:
    case Builtin::future_read: return {.blocking = blocking_trampoline<end_copy<true>>};
    case Builtin::stream_write:
    case Builtin::future_write: return {.blocking = blocking_trampoline<end_copy<false>>};
    case Builtin::stream_cancel_read:
    case Builtin::future_cancel_read: return {.blocking = blocking_trampoline<end_cancel<true>>};
    case Builtin::stream_cancel_write:
    case Builtin::future_cancel_write: return {.blocking = blocking_trampoline<end_cancel<false>>};
    case Builtin::stream_drop_readable:
    case Builtin::future_drop_readable: return {.plain = plain_trampoline<end_drop<true>>};
    case Builtin::stream_drop_writable:
    case Builtin::future_drop_writable: return {.plain = plain_trampoline<end_drop<false>>};
    default: return {};
  }
}

// ---- handles of streams and futures in values -----------------------------------------------------------------------

namespace {

Result<Ref<HandleObject>> lift_readable(InstanceState& instance, TypeRef type, std::uint32_t index) {
  CRANK_TRY(Entry * entry, instance.handles.get(index, end_kind(type, true)));
  End* end = static_cast<End*>(entry->waitable);
  if (end->type != type)
    return fail(Code::trap, concat("handle index ", index,
                                   " used with the wrong type: a stream or future of another element type"));
  if (end->state == CopyState::done)
    return fail(Code::trap, is_future(end->kind)
                                ? "cannot lift future after previous read succeeded"
                                : "cannot lift stream after being notified that the writable end dropped");
  if (end->state != CopyState::idle) return fail(Code::trap, "cannot remove busy stream or future");
  if (end->set)
    return fail(Code::trap,
                concat("cannot lift ", is_future(end->kind) ? "future" : "stream", " while it's in a waitable set"));
  instance.handles.remove(index);
  Ref<HandleObject> handle = make_ref<ReadableHandle>(end->shared);
  free_end(end);  // a message that a cancel overtook may still be on its way to it
  return handle;
}

Result<std::uint32_t> lower_readable(InstanceState& instance, TypeRef type, Ref<HandleObject> object) {
  auto* handle = dynamic_cast<ReadableHandle*>(object.get());
  if (!handle || !handle->shared) return fail(Code::bad_type, "a value was passed as a stream or future that is none");
  Ref<Shared> shared = handle->shared;
  const bool future = type->kind == TypeKind::future;
  const bool raw = type->element == nullptr || width_of(type->element) != 0;
  if (shared->is_future != future || shared->raw != raw ||
      (raw && shared->element_size != (type->element ? type->element->size : 0)))
    return fail(Code::bad_type, "a stream or future was passed whose element type is another one than the function's");
  auto index = add_end(instance, std::move(shared), type, true);
  if (index) handle->take();
  return index;
}

}  // namespace

Result<Ref<HandleObject>> Side::lift_stream(TypeRef type, std::uint32_t index) {
  return lift_readable(instance_, type, index);
}
Result<Ref<HandleObject>> Side::lift_future(TypeRef type, std::uint32_t index) {
  return lift_readable(instance_, type, index);
}
Result<std::uint32_t> Side::lower_stream(TypeRef type, Ref<HandleObject> object) {
  return lower_readable(instance_, type, std::move(object));
}
Result<std::uint32_t> Side::lower_future(TypeRef type, Ref<HandleObject> object) {
  return lower_readable(instance_, type, std::move(object));
}

}  // namespace crank::component::detail
