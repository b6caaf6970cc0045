// expect: declared with 'nodiscard' attribute: co_await it
#include "crank/async/group.h"

crank::Task<> work() { co_return; }
crank::Task<> caller() {
  co_await crank::with_group<>([](this auto, crank::Group<void>& group) -> crank::Task<> {
    group.spawn(work());
    group.next();
    co_return;
  });
}
