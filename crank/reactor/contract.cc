#include "crank/reactor/contract.h"

namespace crank::reactor {

NameMap NameMap::with_prefix(std::string_view prefix) {
  NameMap names;
  for (std::string NameMap::* role :
       {&NameMap::version, &NameMap::pump, &NameMap::deadline, &NameMap::resume, &NameMap::cancel, &NameMap::alloc,
        &NameMap::free, &NameMap::probe, &NameMap::describe})
    names.*role = concat(prefix, std::string_view(names.*role).substr(std::string_view("crank_").size()));
  return names;
}

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

namespace {

// A guest's sentence ends up in logs: what is not UTF-8 is shown as '?'.
std::string clean(std::string_view text) {
  std::string out(text);
  for (std::size_t i = 0; i < out.size();) {
    auto lead = static_cast<unsigned char>(out[i]);
    std::size_t more = lead < 0x80                   ? 0
                       : lead >= 0xc2 && lead < 0xe0 ? 1
                       : lead >= 0xe0 && lead < 0xf0 ? 2
                       : lead >= 0xf0 && lead < 0xf5 ? 3
                                                     : 9;
    bool good = more < out.size() - i;
    for (std::size_t k = 1; good && k <= more; ++k) good = (static_cast<unsigned char>(out[i + k]) & 0xc0) == 0x80;
    if (!good) out[i] = '?';
    i += good ? more + 1 : 1;
  }
  return out;
}

}  // namespace

Error error_of(std::uint32_t status, std::string_view sentence) {
  constexpr Code codes[] = {Code::unknown,     Code::unknown, Code::cancelled, Code::deadline,
                            Code::unsupported, Code::limit,   Code::io,        Code::protocol};
  Code code = status < std::size(codes) ? codes[status] : Code::unknown;
  return Error(code, sentence.empty() ? concat("the guest gave status ", status, " and no reason") : clean(sentence));
}

}  // namespace crank::reactor
