#include "crank/base/result.h"

namespace crank {

struct Error::Record {
  Code code;
  std::string message;
  std::string backtrace;
  std::source_location where;
  std::shared_ptr<const Error> cause;
};

std::string_view name_of(Code code) noexcept {
  switch (code) {
    case Code::unknown: return "unknown";
    case Code::cancelled: return "cancelled";
    case Code::deadline: return "deadline";
    case Code::bad_argument: return "bad_argument";
    case Code::bad_state: return "bad_state";
    case Code::bad_binary: return "bad_binary";
    case Code::bad_type: return "bad_type";
    case Code::missing_import: return "missing_import";
    case Code::missing_export: return "missing_export";
    case Code::unsupported: return "unsupported";
    case Code::limit: return "limit";
    case Code::trap: return "trap";
    case Code::root_dead: return "root_dead";
    case Code::deadlock: return "deadlock";
    case Code::stuck: return "stuck";
    case Code::io: return "io";
    case Code::protocol: return "protocol";
    case Code::not_found: return "not_found";
    case Code::verification: return "verification";
    case Code::exception: return "exception";
  }
  return "unknown";
}

Error::Error(Code code, std::string message, std::source_location where)
    : record_(std::make_shared<const Record>(Record{code, std::move(message), {}, where, nullptr})) {}

Code Error::code() const noexcept { return record_->code; }
const std::string& Error::message() const noexcept { return record_->message; }
std::source_location Error::where() const noexcept { return record_->where; }
const Error* Error::cause() const noexcept { return record_->cause.get(); }
const std::string& Error::backtrace() const noexcept { return record_->backtrace; }

Error Error::wrap(Code code, std::string message, std::source_location where) && {
  auto cause = std::make_shared<const Error>(std::move(*this));
  return Error(std::make_shared<const Record>(Record{code, std::move(message), cause->backtrace(), where, cause}));
}

Error Error::with_backtrace(std::string frames) && {
  Record record = *record_;
  record.backtrace = std::move(frames);
  return Error(std::make_shared<const Record>(std::move(record)));
}

std::string Error::to_string() const {
  std::string out = message();
  for (const Error* inner = cause(); inner; inner = inner->cause()) out.append(": ").append(inner->message());
  return out;
}

}  // namespace crank
