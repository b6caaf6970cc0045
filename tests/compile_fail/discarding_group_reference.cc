// expect: object whose reference is captured by 'group' will be destroyed at the end of the full-expression
#include <string>

#include "crank/async/group.h"

crank::Task<> show(const std::string& text) {
  (void)text;
  co_return;
}
crank::Task<> caller() {
  co_await crank::with_discarding_group([](this auto, crank::DiscardingGroup& group) -> crank::Task<> {
    group.spawn(show(std::string("gone before the child runs")));
    co_return;
  });
}
