// expect: 'Foreign' does not satisfy 'RuntimeAwaiter'
#include <coroutine>

#include "crank/async/task.h"

struct Foreign {
  bool await_ready() { return false; }
  void await_suspend(std::coroutine_handle<>) {}
  void await_resume() {}
};
crank::Task<> caller() { co_await Foreign{}; }
