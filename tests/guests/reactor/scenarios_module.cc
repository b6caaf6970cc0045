// The scenarios as a reactor: `scenario` runs the one its argument names and answers its lines; `names` lists them.
#include "crank/base/text.h"
#include "crank/guest/entry.h"
#include "tests/guests/reactor/scenarios.h"

using namespace crank;
using namespace crank::guest;

CRANK_ENTRY(scenario)(std::span<const std::byte> argument)->Task<Result<Bytes>> {
  for (const scenarios::Scenario& each : scenarios::all()) {
    if (each.name != as_text(argument)) continue;
    scenarios::Lines lines;
    co_await each.run(lines);
    co_return Bytes(lines.text());
  }
  co_return fail(Code::bad_argument, concat("there is no scenario ", as_text(argument)));
}

CRANK_ENTRY(names)(std::span<const std::byte>)->Task<Result<Bytes>> {
  std::string text;
  for (const scenarios::Scenario& each : scenarios::all()) text.append(each.name).push_back('\n');
  co_return Bytes(text);
}
