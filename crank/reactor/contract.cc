#include "crank/reactor/contract.h"

namespace crank::reactor {

Status status_of(Code code) noexcept {
  switch (code) {
    case Code::cancelled: return Status::cancelled;
    case Code::deadline: return Status::deadline;
    case Code::unsupported:
    case Code::verification:
    case Code::missing_import: return Status::refused;
    case Code::limit: return Status::limit;
    case Code::io:
    case Code::not_found: return Status::io;
    case Code::protocol: return Status::protocol;
    default: return Status::failed;
  }
}

Error error_of(std::uint32_t status, std::string_view sentence) {
  constexpr Code codes[] = {Code::unknown, Code::unknown,     Code::cancelled, Code::deadline,
                            Code::unsupported, Code::limit, Code::io,        Code::protocol};
  Code code = status < std::size(codes) ? codes[status] : Code::unknown;
  return Error(code, sentence.empty() ? concat("the guest gave status ", status, " and no reason") : std::string(sentence));
}

}  // namespace crank::reactor
