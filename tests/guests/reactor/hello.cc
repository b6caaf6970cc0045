// The smallest reactor: one entry that answers at once. Its size is a figure of the benchmarks (below 10 KB).
#include "crank/guest/entry.h"

using crank::Result;
using crank::Task;
using crank::guest::Bytes;

CRANK_ENTRY(hello)(std::span<const std::byte> argument)->Task<Result<Bytes>> {
  constexpr std::string_view greeting = "hello ";
  Bytes answer(greeting.size() + argument.size());
  std::memcpy(answer.data(), greeting.data(), greeting.size());
  if (!argument.empty()) std::memcpy(answer.data() + greeting.size(), argument.data(), argument.size());
  co_return answer;
}
