// The analytics module as two bad releases of it: well at the probe, and failing in service, each in its own way. The act
// `pump` shows what becomes of their callers.
#include "crank/async/or_return.h"
#include "crank/guest/entry.h"
#include "crank/guest/http.h"

namespace {

using crank::Result;
using crank::Task;
using crank::guest::as_text;
using crank::guest::Bytes;

// An index that nobody checked, after the network has answered.
[[gnu::noinline]] int count_of_event(std::string_view page, unsigned index) {
#if CRANK_BROKEN == 1
  if (index >= page.size()) __builtin_trap();
  return page[index];
#else
  volatile unsigned far = 0xfffffff0u - index;
  return *reinterpret_cast<const volatile int*>(far);
#endif
}

}  // namespace

CRANK_ENTRY(fetch_report)(std::span<const std::byte> argument)->Task<Result<Bytes>> {
  crank::guest::http::Response page = co_await crank::or_return(co_await crank::guest::http::get(as_text(argument)));
  co_return Bytes(crank::concat("count ", count_of_event(page.text(), 1'000'000)));
}
