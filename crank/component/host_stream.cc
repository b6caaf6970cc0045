#include "crank/component/host_stream.h"

#include <algorithm>
#include <cstring>

#include "crank/component/host_end.h"
#include "crank/component/root_state.h"

namespace crank::component {

using detail::CopyResult;
using detail::End;
using detail::EntryKind;
using detail::HostEnd;
using detail::ReadableHandle;
using detail::Shared;

namespace {

HostEnd& end_of(const Ref<HandleObject>& object) { return static_cast<HostEnd&>(*object); }

std::unexpected<Error> no_end() {
  return fail(Code::bad_state, "a stream or future end was used that has been moved away or closed");
}

Result<Ref<HandleObject>> take_end(Value value, bool future) {
  if (value.kind() != Value::Kind::handle)
    return fail(Code::bad_type, "a stream or future was expected, but the value is no handle");
  Ref<HandleObject> object = value.take_handle();
  auto* handle = dynamic_cast<ReadableHandle*>(object.get());
  if (!handle || !handle->shared || handle->shared->is_future != future)
    return fail(Code::bad_type, concat("the value is no readable ", future ? "future" : "stream"));
  Ref<Shared> shared = handle->shared;
  auto end = make_ref<HostEnd>(std::move(shared), future ? EntryKind::readable_future : EntryKind::readable_stream);
  handle->take();
  return Ref<HandleObject>(std::move(end));
}

Value give_end(Ref<HandleObject> object) {
  HostEnd& end = end_of(object);
  auto handle = make_ref<ReadableHandle>(end.end.shared);
  end.closed = true;  // moved, not dropped
  detail::detach_outside(end.shared());
  return Value::handle(std::move(handle));
}

Value number(Value::Kind kind, const std::byte* at) {
  std::uint64_t bits = 0;
  const std::uint32_t size = detail::width(kind);
  std::memcpy(&bits, at, size);
  const unsigned shift = 64 - 8 * size;
  if (kind == Value::Kind::s8 || kind == Value::Kind::s16 || kind == Value::Kind::s32)
    bits = static_cast<std::uint64_t>(static_cast<std::int64_t>(bits << shift) >> shift);
  return Value::scalar(kind, bits);
}

Task<Result<std::size_t>> read_bytes(Ref<HandleObject> object, std::span<std::byte> into) {
  HostEnd& self = end_of(object);
  Shared& s = self.shared();
  if (!s.raw) co_return fail(Code::bad_type, "this stream's elements are no numbers: read them as values");
  const std::size_t size = std::max<std::size_t>(s.element_size, 1);
  if (into.size() < size) co_return fail(Code::bad_argument, "the buffer is smaller than one element of the stream");
  for (;;) {
    self.end.base = into.data();
    self.end.length = static_cast<std::uint32_t>(std::min<std::size_t>(into.size() / size, (1u << 28) - 1));
    auto done = co_await self.perform();
    if (!done) co_return fail(std::move(done).error());
    if (self.end.progress > 0 || self.end.result == CopyResult::dropped) co_return self.end.progress* size;
  }
}

}  // namespace

// ---- Loan -----------------------------------------------------------------------------------------------------------

Loan::Loan(Loan&& other) noexcept : bytes_(std::exchange(other.bytes_, {})), end_(std::exchange(other.end_, nullptr)) {}
Loan& Loan::operator=(Loan&& other) noexcept {
  if (this == &other) return *this;
  finish(0);
  bytes_ = std::exchange(other.bytes_, {});
  end_ = std::exchange(other.end_, nullptr);
  return *this;
}
Loan::~Loan() { finish(0); }

void Loan::finish(std::size_t bytes) noexcept {
  if (!end_) return;
  HostEnd* end = std::exchange(end_, nullptr);
  bytes_ = {};
  detail::finish_loan(end->shared(),
                      static_cast<std::uint32_t>(bytes / std::max<std::size_t>(end->shared().element_size, 1)));
  if (detail::RootState* root = std::exchange(end->pinned, nullptr)) {
    root->pins.fetch_sub(1, std::memory_order_acq_rel);
    root->release();
  }
  end->release();
}

namespace {
Task<Result<Ref<HandleObject>>> borrow_buffer(Ref<HandleObject> object, std::span<std::byte>& bytes) {
  HostEnd& self = end_of(object);
  if (!self.shared().raw || self.shared().element_size == 0)
    co_return fail(Code::bad_type, "only the buffers of streams of numbers can be lent");
  auto there = co_await self.wait_for_loan();
  if (!there) co_return fail(std::move(there).error());
  if (!*there) co_return Ref<HandleObject>();
  crank::detail::LockGuard guard(self.shared().lock);
  End* o = self.shared().loaned;
  if (!o) co_return Ref<HandleObject>();
  const std::size_t size = self.shared().element_size;
  bytes = {o->base + o->progress * size, o->remain() * size};
  co_return object;
}
}  // namespace

// ---- streams --------------------------------------------------------------------------------------------------------

Result<StreamReader> StreamReader::take(Value value) {
  CRANK_TRY(Ref<HandleObject> end, take_end(std::move(value), false));
  return StreamReader(std::move(end));
}
Value StreamReader::into_value() && { return give_end(std::move(end_)); }

Task<Result<std::size_t>> StreamReader::read(std::span<std::byte> into) {
  if (!end_) co_return no_end();
  co_return co_await read_bytes(end_, into);
}

Task<Result<std::vector<Value>>> StreamReader::read_values(std::size_t limit) {
  if (!end_) co_return no_end();
  Ref<HandleObject> kept = end_;
  HostEnd& self = end_of(kept);
  Shared& s = self.shared();
  std::vector<Value> out;
  if (s.raw) {
    const std::size_t size = std::max<std::size_t>(s.element_size, 1);
    std::vector<std::byte> bytes(std::min<std::size_t>(limit, 4096) * size);
    auto n = co_await read_bytes(kept, bytes);
    if (!n) co_return fail(std::move(n).error());
    for (std::size_t i = 0; i < *n / size; ++i)
      out.push_back(s.element_size ? number(s.element, bytes.data() + i * size) : Value());
    co_return out;
  }
  while (out.empty()) {
    self.end.values = &out;
    self.end.length = static_cast<std::uint32_t>(std::min<std::size_t>(limit, 1u << 16));
    auto done = co_await self.perform();
    self.end.values = nullptr;
    if (!done) co_return fail(std::move(done).error());
    if (self.end.result == CopyResult::dropped) break;
  }
  co_return out;
}

Task<Result<Loan>> StreamReader::lend() {
  if (!end_) co_return no_end();
  Loan loan;
  auto end = co_await borrow_buffer(end_, loan.bytes_);
  if (!end) co_return fail(std::move(end).error());
  loan.end_ = static_cast<HostEnd*>(end->leak());
  co_return loan;
}

void StreamReader::close() {
  if (!end_) return;
  end_of(end_).close(false);
  end_ = {};
}

Task<Result<std::size_t>> StreamWriter::write(std::span<const std::byte> bytes) {
  if (!end_) co_return no_end();
  Ref<HandleObject> kept = end_;
  HostEnd& self = end_of(kept);
  Shared& s = self.shared();
  if (!s.raw) co_return fail(Code::bad_type, "this stream's elements are no numbers: write them as values");
  const std::size_t size = std::max<std::size_t>(s.element_size, 1);
  if (bytes.size() % size != 0)
    co_return fail(Code::bad_argument, "the bytes to write are not whole elements of the stream");
  std::size_t written = 0;
  while (written < bytes.size()) {
    self.end.base = const_cast<std::byte*>(bytes.data()) + written;
    self.end.length =
        static_cast<std::uint32_t>(std::min<std::size_t>((bytes.size() - written) / size, (1u << 28) - 1));
    auto done = co_await self.perform();
    if (!done) co_return fail(std::move(done).error());
    written += self.end.progress * size;
    if (self.end.result == CopyResult::dropped) break;
  }
  co_return written;
}

Task<Result<std::size_t>> StreamWriter::write_values(std::span<Value> values) {
  if (!end_) co_return no_end();
  Ref<HandleObject> kept = end_;
  HostEnd& self = end_of(kept);
  Shared& s = self.shared();
  if (s.raw) {
    std::vector<std::byte> bytes(values.size() * s.element_size);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::uint64_t bits = values[i].bits();
      std::memcpy(bytes.data() + i * s.element_size, &bits, s.element_size);
    }
    auto n = co_await write(bytes);
    if (!n) co_return fail(std::move(n).error());
    co_return s.element_size ? *n / s.element_size : *n;
  }
  std::vector<Value> pending(std::make_move_iterator(values.begin()), std::make_move_iterator(values.end()));
  std::size_t written = 0;
  std::optional<Error> failed;
  while (written < pending.size()) {
    std::vector<Value> rest(std::make_move_iterator(pending.begin() + static_cast<std::ptrdiff_t>(written)),
                            std::make_move_iterator(pending.end()));
    self.end.values = &rest;
    self.end.length = static_cast<std::uint32_t>(rest.size());
    auto done = co_await self.perform();
    self.end.values = nullptr;
    std::move(rest.begin(), rest.end(), pending.begin() + static_cast<std::ptrdiff_t>(written));
    written += self.end.progress;
    if (!done) failed = std::move(done).error();
    if (failed || self.end.result == CopyResult::dropped) break;
  }
  for (std::size_t i = written; i < pending.size(); ++i) values[i] = std::move(pending[i]);
  if (failed) co_return fail(*std::move(failed));
  co_return written;
}

Task<Result<Loan>> StreamWriter::lend() {
  if (!end_) co_return no_end();
  Loan loan;
  auto end = co_await borrow_buffer(end_, loan.bytes_);
  if (!end) co_return fail(std::move(end).error());
  loan.end_ = static_cast<HostEnd*>(end->leak());
  co_return loan;
}

Task<Result<>> StreamWriter::closed() {
  if (!end_) co_return no_end();
  Ref<HandleObject> kept = end_;
  HostEnd& self = end_of(kept);
  // A write of nothing is pending until the reader reads or goes away.
  for (;;) {
    self.end.base = nullptr;
    self.end.length = 0;
    auto done = co_await self.perform();
    if (!done) co_return fail(std::move(done).error());
    if (self.end.result == CopyResult::dropped) co_return Result<>();
  }
}

void StreamWriter::close() {
  if (!end_) return;
  end_of(end_).close(false);
  end_ = {};
}

StreamPair make_stream(Value::Kind element) {
  Ref<Shared> shared = detail::make_shared_stream(element, false);
  StreamPair pair;
  pair.writer = StreamWriter(make_ref<HostEnd>(shared, EntryKind::writable_stream));
  pair.reader = StreamReader(make_ref<HostEnd>(std::move(shared), EntryKind::readable_stream));
  return pair;
}

// ---- futures --------------------------------------------------------------------------------------------------------

Result<FutureReader> FutureReader::take(Value value) {
  CRANK_TRY(Ref<HandleObject> end, take_end(std::move(value), true));
  return FutureReader(std::move(end));
}
Value FutureReader::into_value() && { return give_end(std::move(end_)); }

Task<Result<Value>> FutureReader::read() {
  if (!end_) co_return no_end();
  Ref<HandleObject> kept = end_;
  HostEnd& self = end_of(kept);
  std::vector<Value> values;
  self.end.base = reinterpret_cast<std::byte*>(&self.scalar);
  self.end.values = &values;
  self.end.length = 1;
  auto done = co_await self.perform();
  self.end.values = nullptr;
  if (!done) co_return fail(std::move(done).error());
  if (self.end.result == CopyResult::dropped)
    co_return fail(Code::root_dead, "the future's writer ended without writing it");
  if (self.shared().raw)
    co_return self.shared().element_size ? number(self.shared().element, reinterpret_cast<std::byte*>(&self.scalar))
                                         : Value();
  co_return std::move(values.front());
}

void FutureReader::close() {
  if (!end_) return;
  end_of(end_).close(false);
  end_ = {};
}

namespace {
void set_up_write(HostEnd& self, Value value) {
  if (self.shared().raw)
    self.scalar = self.shared().element_size ? value.bits() : 0;
  else
    self.buffer.push_back(std::move(value));
  self.end.base = reinterpret_cast<std::byte*>(&self.scalar);
  self.end.values = &self.buffer;
  self.end.length = 1;
  self.end.state = detail::CopyState::done;  // written: closing it is no breach
}
}  // namespace

void FutureWriter::set(Value value) {
  if (!end_) return;
  HostEnd& self = end_of(end_);
  set_up_write(self, std::move(value));
  self.perform_unattended();
  end_ = {};
}

Task<Result<bool>> FutureWriter::write(Value value) {
  if (!end_) co_return no_end();
  Ref<HandleObject> kept = std::move(end_);
  HostEnd& self = end_of(kept);
  set_up_write(self, std::move(value));
  auto done = co_await self.perform();
  if (!done) co_return fail(std::move(done).error());
  co_return self.end.result != CopyResult::dropped;
}

FuturePair make_future(Value::Kind element) {
  Ref<Shared> shared = detail::make_shared_stream(element, true);
  FuturePair pair;
  pair.writer = FutureWriter(make_ref<HostEnd>(shared, EntryKind::writable_future));
  pair.reader = FutureReader(make_ref<HostEnd>(std::move(shared), EntryKind::readable_future));
  return pair;
}

}  // namespace crank::component
