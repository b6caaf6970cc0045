// What the guest asks for: begun after the guest call that asked, outside of it, answered exactly once.
//
// Rules. 1. A token is in `pending_` from the request until deliver() or drop(); its serial tells a late answer from the one
// that is waited for. 2. A bridge that finishes while it is being started answers in this very turn; any other posts. 3. A
// bridge's task is counted from its launch to that post, whoever waits by then: the reactor is over when none is left.
#include "crank/reactor/core.h"

namespace crank::reactor {

using Core = Reactor::Core;

namespace {

// The bridge this thread is starting now, and its answer if it comes before that is over.
struct Starting {
  Core* core = nullptr;
  std::uint64_t serial = 0;
  std::optional<Core::Answer> answer;
};
thread_local Starting* starting = nullptr;

constexpr std::size_t most_refusals = 10'000;   // in one turn
constexpr std::size_t longest_name = 256;       // of a bridge
constexpr std::size_t longest_sentence = 1024;  // that a guest is told

}  // namespace

void Core::on_request(const Request& request) noexcept {
  if (request.token == 0 || pending_.find(request.token) != nullptr) {
    if (!broken_)
      broken_ = Error(Code::protocol,
                      request.token == 0
                          ? std::string("the guest broke the contract: it asked under token 0")
                          : concat("the guest broke the contract: it asked a second time under token ", request.token));
    return;
  }
  if (pending_.size() >= options_.limits.pending) {
    if (refused_.size() < most_refusals)
      refused_.push_back(request.token);
    else if (!broken_)
      broken_ = Error(Code::limit, concat("the guest goes on asking after ", most_refusals, " refusals in one turn; ",
                                          options_.limits.pending, " things may be pending"));
    return;
  }
  ++counts_.requests;
  Pending& pending = pending_.add(request.token);
  pending.kind = request.kind;
  pending.token = request.token;
  pending.task = request.task;
  pending.number = request.number;
  pending.deadline = request.deadline;
  pending.serial = ++next_serial_;
  pending.since = now_;
  pending.name.assign(request.name.substr(0, longest_name));
  pending.payload.assign(request.payload.begin(), request.payload.end());
  asked_.push_back(request.token);
}

void Core::on_forget(std::uint32_t token) noexcept {
  if (pending_.find(token) == nullptr) return;
  ++counts_.forgotten;
  drop(token);
}

void Core::on_close(std::uint32_t stream) noexcept {
  auto found = streams_.find(stream);
  if (found == streams_.end()) return;
  closed_.push_back(std::move(found->second));  // its end may do work: not inside the guest's call
  streams_.erase(found);
  std::vector<std::uint32_t> readers;
  pending_.each([&](std::uint32_t token, Pending& p) {
    if (p.kind == Request::Kind::read && p.number == stream) readers.push_back(token);
  });
  counts_.forgotten += readers.size();
  for (std::uint32_t token : readers) drop(token);
}

void Core::drop(std::uint32_t token) noexcept {
  Pending& pending = *pending_.find(token);
  Shot::disarm(*this, pending.shot);
  pending.serial = 0;
  std::optional<TaskHandle<void>> work = std::exchange(pending.work, std::nullopt);
  pending_.remove(token);
  if (work) work->cancel();
}

void Core::start_requests() {
  if (broken_ && guest_) return die(*std::exchange(broken_, std::nullopt));
  while (guest_ && !refused_.empty()) {
    std::uint32_t token = refused_.back();
    refused_.pop_back();
    auto told = guest_->resume(token, Status::limit,
                               std::as_bytes(std::span(std::string_view("the host has too many requests pending"))));
    if (!told) return die(std::move(told).error());
    pump_wanted_ = options_.drive;
  }
  if (!closed_.empty()) closed_.clear();
  // Answers given here resume the guest, which only enqueues; it asks for more in the next drain at the earliest.
  for (std::size_t i = 0; guest_ && i < asked_.size(); ++i) {
    if (Pending* pending = pending_.find(asked_[i])) start_request(*pending);
  }
  asked_.clear();
}

void Core::start_request(Pending& pending) {
  switch (pending.kind) {
    case Request::Kind::call: return start_named(pending);
    case Request::Kind::http: return start_http(pending);
    case Request::Kind::read: return start_read(pending);
    case Request::Kind::timer: {
      auto when = Instant(std::chrono::duration_cast<Duration>(std::chrono::nanoseconds(pending.deadline)));
      pending.shot = arm(pending.token, pending.serial, when, Status::ok);
    }
  }
}

// Starts the task of a bridge, outside of the guest, and delivers its answer if it has one already.
void Core::launch(std::uint32_t token, std::uint64_t serial, Task<> task) {
  Starting mine{this, serial, {}};
  Starting* before = std::exchange(starting, &mine);
  TaskHandle<void> work = spawn_immediate(std::move(task), {.name = "bridge", .runtime = &runtime_});
  starting = before;
  if (mine.answer) {
    deliver_answer(token, serial, std::move(*mine.answer));
    return;
  }
  ++launched_;
  if (Pending* pending = pending_.find(token); pending != nullptr && pending->serial == serial)
    pending->work = std::move(work);
}

void Core::start_named(Pending& pending) {
  const Bridges::Entry* entry = find_bridge(pending.name);
  std::uint32_t token = pending.token;
  std::uint64_t serial = pending.serial;
  if (entry == nullptr) {
    deliver(token, serial, fail(Code::unsupported, concat("this host has no bridge \"", pending.name, "\"")));
    return;
  }
  BridgeRequest request{pending.name, std::move(pending.payload), token, pending.task};
  if (entry->immediate) {
    Result<Bytes> answer = entry->immediate(request);
    pending.payload = std::move(request.argument);  // keeps its memory for the next request
    deliver(token, serial, std::move(answer));
    return;
  }
  if (entry->deadline > Duration::zero()) pending.shot = arm(token, serial, now_ + entry->deadline, Status::deadline);
  launch(token, serial, run_named(shared_from_this(), token, serial, entry->bridge, std::move(request)));
}

// The bridge is a copy: another of its name may take its place while it runs.
Task<> Core::run_named(std::shared_ptr<Core> core, std::uint32_t token, std::uint64_t serial, Bridge bridge,
                       BridgeRequest request) {
  Result<Bytes> answer = co_await bridge(std::move(request));
  core->answered(token, serial, {std::move(answer)});
}

void Core::start_http(Pending& pending) {
  std::uint32_t token = pending.token;
  std::uint64_t serial = pending.serial;
  auto query = parse_query(pending.payload);
  if (!query) {
    deliver(token, serial, std::unexpected(std::move(query).error()));
    return;
  }
  // The query of a URL and the body stay out of reports.
  pending.name =
      concat(query->method, " ", std::string_view(query->url).substr(0, query->url.find('?')).substr(0, 200));
  if (options_.bridges->http() == nullptr) {
    deliver(token, serial, fail(Code::unsupported, "this host gives the guest no HTTP"));
    return;
  }
  query->in_chunks = (pending.number & 1) != 0;
  pending.payload.clear();
  if (Duration limit = options_.bridges->http_deadline(); limit > Duration::zero())
    pending.shot = arm(token, serial, now_ + limit, Status::deadline);
  launch(token, serial, run_http(shared_from_this(), token, serial, std::move(*query)));
}

Task<> Core::run_http(std::shared_ptr<Core> core, std::uint32_t token, std::uint64_t serial, HttpQuery query) {
  Result<HttpAnswer> answer = co_await core->options_.bridges->http()->fetch(std::move(query));
  if (answer)
    core->answered(token, serial, {Bytes(), std::move(*answer)});
  else
    core->answered(token, serial, {std::unexpected(std::move(answer).error())});
}

void Core::start_read(Pending& pending) {
  std::uint32_t token = pending.token;
  std::uint64_t serial = pending.serial;
  std::shared_ptr<HttpBody> body;
  if (auto found = streams_.find(pending.number); found != streams_.end()) body = found->second;
  if (!body) {
    deliver(token, serial, fail(Code::protocol, concat("there is no response body ", pending.number)));
    return;
  }
  launch(token, serial, run_read(shared_from_this(), token, serial, std::move(body)));
}

Task<> Core::run_read(std::shared_ptr<Core> core, std::uint32_t token, std::uint64_t serial,
                      std::shared_ptr<HttpBody> body) {
  Result<Bytes> chunk = co_await body->next();
  core->answered(token, serial, {std::move(chunk)});
}

void Core::answered(std::uint32_t token, std::uint64_t serial, Answer answer) {
  if (starting != nullptr && starting->core == this && starting->serial == serial) {
    starting->answer.emplace(std::move(answer));
    return;
  }
  struct Answered final : Command {
    std::uint32_t token;
    std::uint64_t serial;
    Answer answer;
    Answered(std::uint32_t t, std::uint64_t s, Answer a) : token(t), serial(s), answer(std::move(a)) {}
    void handle(Core& core) noexcept override {
      std::unique_ptr<Answered> self(this);
      core.deliver_answer(token, serial, std::move(answer));
      core.launched_ended();
    }
  };
  post(*new Answered(token, serial, std::move(answer)));
}

// A response whose body goes on becomes a stream of the guest's, if the guest still waits for it.
Resumed Core::deliver_answer(std::uint32_t token, std::uint64_t serial, Answer answer) {
  if (!answer.response) return deliver(token, serial, std::move(answer.bytes));
  Pending* pending = pending_.find(token);
  if (!answer.response->rest || pending == nullptr || pending->serial != serial)
    return deliver(token, serial, format_answer(*answer.response, 0));
  if (streams_.size() >= options_.limits.streams)
    return deliver(token, serial,
                   fail(Code::limit, concat("the guest reads ", streams_.size(), " response bodies, the limit is ",
                                            options_.limits.streams)));
  std::uint32_t stream = ++next_stream_;
  Resumed told = deliver(token, serial, format_answer(*answer.response, stream));
  if (told == Resumed::accepted && guest_) streams_.emplace(stream, std::move(answer.response->rest));
  return told;
}

void Core::fire(std::uint32_t token, std::uint64_t serial, Status status) {
  Pending* pending = pending_.find(token);
  if (pending == nullptr || pending->serial != serial) return;  // answered while the timer fired
  pending->shot.reset();
  if (status == Status::ok)
    deliver(token, serial, Bytes());
  else
    deliver(token, serial, fail(Code::deadline, concat("no answer to ", describe(*pending), " in time")));
}

Resumed Core::deliver(std::uint32_t token, std::optional<std::uint64_t> serial, Result<Bytes> answer) {
  if (!guest_) return Resumed::stale;
  if (Pending* pending = pending_.find(token)) {
    if (serial && pending->serial != *serial) {
      ++counts_.refused_resumes;
      return Resumed::stale;
    }
    drop(token);
  } else if (serial) {
    // Forgotten, or overtaken by a deadline or by the embedder: the guest waits no more.
    ++counts_.refused_resumes;
    return Resumed::stale;
  }
  // Without a serial it came from the embedder: of a token the host does not know, the guest itself says what became of it.
  Status status = answer ? Status::ok : status_of(answer.error().code());
  std::string sentence;
  View payload;
  if (!answer)
    sentence = answer.error().to_string();
  else if (answer->size() > options_.limits.payload)
    status = Status::limit,
    sentence = concat("the answer has ", answer->size(), " bytes, the limit is ", options_.limits.payload);
  else
    payload = *answer;
  if (status != Status::ok) payload = std::as_bytes(std::span(std::string_view(sentence).substr(0, longest_sentence)));
  auto told = guest_->resume(token, status, payload);
  if (!told) {
    fail_guest(std::move(told).error());
    return Resumed::stale;
  }
  if (*told == Resumed::accepted) {
    ++counts_.resumes;
    pump_wanted_ = options_.drive;
  } else {
    ++counts_.refused_resumes;
  }
  return *told;
}

}  // namespace crank::reactor
