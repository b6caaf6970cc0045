// Internal: streams and futures: a rendezvous of two ends that may belong to two executors, or to the host.
//
//        End (writer) ---- Shared ---- End (reader)         `pending`: the end whose operation waits for the other's
//
// Rules
//  1  Everything marked (L) is guarded by Shared::lock, a leaf: no guest code, no other lock, nothing that waits inside.
//  2  Numbers: whoever comes second copies, under the lock, straight between the two buffers. A pending buffer's base
//     stays valid because linear memory never moves and taking down a store first withdraws its ends under the lock.
//  3  Other elements need the executors of both owners. The second end stands in `second` until somebody holds both:
//     at once if the second comer can, else by a job that runs on one owner and tries the other.
//  4  A finished operation sets `notified`; what it says is computed when delivered. Its message may be overtaken by
//     cancel, drop or the next operation: `in_flight` says one is under way, `dead` that its receiver frees the end.
//  5  A guest buffer lent to the host (`lent`) is not touched by anyone else; cancelling waits until it is given back.
// Source: CanonicalABI.md, "Stream State", "Future State"; definitions.py, SharedStreamImpl, SharedFutureImpl.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "crank/async/lock.h"
#include "crank/component/group.h"
#include "crank/component/linked.h"
#include "crank/component/value.h"

namespace crank::component::detail {

enum class CopyState : std::uint8_t { idle, copying, cancelling, done };
enum class CopyResult : std::uint8_t { completed, dropped, cancelled };

struct HostEnd;
struct Shared;
class Domain;

struct End : Waitable {
  Ref<Shared> shared;
  InstanceState* owner = nullptr;  // null: the host
  TypeRef type = nullptr;          // in its owner's Program
  CopyState state = CopyState::idle;
  CopyResult result = CopyResult::completed;               // (L) while pending
  bool notified = false, in_flight = false, dead = false;  // (L)
  bool lent = false, cancel_wanted = false;                // (L) guest end: its buffer is on loan
  bool wants_loan = false;                                 // (L) host end: waits for the guest's buffer
  // The operation.
  ResolvedOptions* options = nullptr;
  std::uint32_t address = 0;
  std::byte* base = nullptr;               // numbers: the first byte of the buffer
  std::uint32_t length = 0, progress = 0;  // (L) while pending; elements
  std::vector<Value>* values = nullptr;    // host, other elements: read into, or written from `progress` on
  void (*on_host_event)(End&) noexcept =
      nullptr;  // host: called without the lock, once for each operation that was pending
  HostEnd* host = nullptr;
  struct Copied : Job {
    End* end = nullptr;
    Group* group = nullptr;
  } copied;

  std::uint32_t remain() const noexcept { return length - progress; }
};

struct Shared final : HandleObject {
  crank::detail::Lock lock;
  bool is_future = false;
  bool raw = false;           // numbers or nothing: bytes move as they are
  bool dropped = false;       // (L) one side is gone
  bool abandoned = false;     // (L) a future's writer went without writing
  bool transferring = false;  // (L) rule 3 is at work
  std::uint32_t element_size = 0;
  Value::Kind element = Value::Kind::none;
  End *pending = nullptr, *second = nullptr;  // (L)
  End* loaned = nullptr;                      // (L) whose buffer the host has
  bool match_posted = false;                  // (L)
  // Handles of the host, ends in transit included, count as work of the domain (C10): something may still come of them.
  std::uint32_t outside = 0;       // (L)
  std::shared_ptr<Domain> domain;  // (L) set once a guest has an end
  struct Match : Job {
    Shared* shared = nullptr;
    Group* group = nullptr;
  } match;
};

/// The readable end in transit. Dropping it tells the writer.
struct ReadableHandle final : HandleObject {
  explicit ReadableHandle(Ref<Shared> s);
  ~ReadableHandle() override;
  /// Takes it out; the handle is empty then.
  Ref<Shared> take() noexcept;
  Ref<Shared> shared;
};
void attach_outside(Shared& shared);
void detach_outside(Shared& shared);
/// A guest of that domain has an end now.
void attach_domain(Shared& shared, const std::shared_ptr<Domain>& domain);

Ref<Shared> make_shared_stream(TypeRef stream_or_future);
Ref<Shared> make_shared_stream(Value::Kind element, bool is_future);
constexpr std::uint32_t width(Value::Kind kind) {
  switch (kind) {
    case Value::Kind::s8:
    case Value::Kind::u8: return 1;
    case Value::Kind::s16:
    case Value::Kind::u16: return 2;
    case Value::Kind::s32:
    case Value::Kind::u32:
    case Value::Kind::f32: return 4;
    case Value::Kind::s64:
    case Value::Kind::u64:
    case Value::Kind::f64: return 8;
    default: return 0;
  }
}

/// The width of a number type, which moves as bytes; 0 for every other type.
std::uint32_t width_of(TypeRef element) noexcept;

/// Begins the operation set up in `e`. True: it is finished (e.result, e.progress). False: it is pending. `chain`: the
/// owner's native stack. Errors are traps of e's owner.
Result<bool> start_copy(End& e, Activation* chain);
/// Takes the finished operation's outcome and makes the end usable again.
Event deliver_copy(End& e);
/// True: the operation is over now, deliver it. False: it will be later (rule 5).
bool cancel_copy(End& e);
/// One side is gone: dropped, or its owner ended (`died`: a future's writer before it wrote). A pending operation of the other side ends as dropped.
void drop_side(Shared& shared, bool died, Activation* chain);
/// The host gives back the buffer it had on loan, `elements` of it used. None: the guest's operation stays pending.
void finish_loan(Shared& shared, std::uint32_t elements);
/// Frees an end that stands in no table any more, now or when its message arrives.
void free_end(End* e);
/// Withdraws an end of a dying root, whatever it does.
void abandon_end(End* e);

}  // namespace crank::component::detail
