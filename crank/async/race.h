// race: several ways to one answer. The first to finish wins, the others are cancelled and waited for.
#pragma once

#include <array>
#include <utility>

#include "crank/async/group.h"

namespace crank {

/// The result, or exception, of whichever call finishes first. The calls are children of the task that awaits the race, and
/// begin then; cancelling it cancels them all, and the first to end still wins, whatever it answers. What the losers answer, or
/// throw, is dropped.
template <class T, class... More, Exceptions policy = default_exceptions>
Task<T> race(Task<T> first, Task<More>... others) {
  static_assert((std::is_same_v<T, More> && ...), "the racers answer one type");
  Group<T> group(GroupOptions{});
  group.spawn(std::move(first));
  (group.spawn(std::move(others)), ...);
  detail::WinnerOf<T> winner(group);
  co_await winner;
  if (group.size() > 0) detail::trace(TraceEvent::scope_left, &group.core().owner());
  group.cancel();
  while (group.size() > 0) co_await group.drop_one();
  group.core().close();
  co_return winner.template take<policy>();
}

}  // namespace crank
