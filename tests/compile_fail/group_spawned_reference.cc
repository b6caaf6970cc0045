// expect: object whose reference is captured by 'group' will be destroyed at the end of the full-expression
#include <string>

#include "crank/async/group.h"

crank::Task<int> length(const std::string& text) { co_return static_cast<int>(text.size()); }
crank::Task<int> caller() {
  co_return co_await crank::with_group<int>([](this auto, crank::Group<int>& group) -> crank::Task<int> {
    group.spawn(length(std::string("gone before the child runs")));
    co_return *co_await group.next();
  });
}
