#include "crank/guest/bridge.h"

namespace crank::guest {

using crank::detail::resume_later;
using crank::detail::suspend_current;
using crank::detail::unsuspend;

Error error_of(Status status, std::string_view sentence) {
  Code code = Code::unknown;
  switch (status) {
    case Status::cancelled: code = Code::cancelled; break;
    case Status::deadline: code = Code::deadline; break;
    case Status::refused: code = Code::bad_argument; break;
    case Status::limit: code = Code::limit; break;
    case Status::io: code = Code::io; break;
    case Status::protocol: code = Code::protocol; break;
    case Status::ok:
    case Status::failed: break;
  }
  return Error(code, std::string(sentence));
}

Status status_of(Code code) noexcept {
  switch (code) {
    case Code::cancelled: return Status::cancelled;
    case Code::deadline: return Status::deadline;
    case Code::bad_argument: return Status::refused;
    case Code::limit: return Status::limit;
    case Code::io: return Status::io;
    case Code::protocol: return Status::protocol;
    default: return Status::failed;
  }
}

bool BridgeWait::await_ready() noexcept {
  if (!is_cancelled()) return false;
  status_ = Status::cancelled;
  return true;
}

bool BridgeWait::begin(std::coroutine_handle<> here) noexcept {
  token_ = Bridges::current().waiting_.add(this);
  if (token_ == 0) {
    status_ = Status::limit;
    return false;
  }
  entry_ = entry_task.get_or(0);  // before the thread has no current task any more
  task_ = &suspend_current(here);
  return true;
}

Result<Bytes> BridgeWait::await_resume() {
  if (token_) {
    detach();
    if (answered_) Bridges::current().waiting_.remove(token_);
  }
  if (status_ == Status::ok) return std::move(answer_);
  std::string_view sentence = answer_.text();
  if (sentence.empty() && status_ == Status::cancelled)
    sentence = "the task was cancelled while it waited for the host";
  if (sentence.empty() && status_ == Status::limit) sentence = "too many bridges are in flight";
  return fail(error_of(status_, sentence));
}

void BridgeWait::on_cancelled(CancellationHandler& handler) noexcept {
  auto& self = static_cast<BridgeWait&>(handler);
  if (self.answered_) return;
  Bridges& bridges = Bridges::current();
  bridges.waiting_.remove(self.token_);
  bridges.imports_.forget(self.token_);
  self.status_ = Status::cancelled;
  resume_later(*self.task_);
}

Resumed Bridges::resume(std::uint32_t token, Status status, std::byte* data, std::size_t size) noexcept {
  auto* wait = static_cast<BridgeWait*>(waiting_.find(token));
  if (!wait || wait->answered_) {
    ++refused_;
    return wait ? Resumed::twice : waiting_.was_issued(token) ? Resumed::stale : Resumed::unknown;
  }
  wait->answered_ = true;
  wait->status_ = status;
  wait->answer_ = Bytes::adopt(data, size);
  resume_later(*wait->task_);
  return Resumed::accepted;
}

}  // namespace crank::guest
