// A library that answers by callback, on a thread of its own, awaited: the continuation is the bridge, one line where the
// callback takes the answer. It is resumed exactly once, with a value or an error; the task goes on where it awaits.
#include <cstdio>
#include <functional>
#include <thread>

#include "crank/async/continuation.h"
#include "crank/async/sync_wait.h"
#include "crank/base/result.h"

// Not ours: calls back from some thread, with a status.
std::thread legacy_read(int sensor, std::move_only_function<void(int status, int value)> done);

void legacy_measure(std::function<void(int)> done);

crank::Task<int> measure() {
  co_return co_await crank::with_continuation<int>([](auto done) { legacy_measure(std::move(done).copyable()); });
}

crank::Task<crank::Result<int>> read_sensor(int sensor) {
  std::thread library;
  auto value =
      co_await crank::with_continuation<crank::Result<int>>([&](crank::Continuation<crank::Result<int>> go_on) {
        library = legacy_read(sensor, [go_on = std::move(go_on)](int status, int value) mutable {
          if (status == 0)
            go_on.resume(value);
          else
            go_on.fail(crank::Error(crank::Code::io, "the sensor does not answer"));
        });
      });
  library.join();
  co_return value;
}

crank::Task<> program() {
  std::printf("measured: %d\n", co_await measure());
  std::printf("sensor 1: %d\n", (co_await read_sensor(1)).value());
  std::printf("sensor 2: %s\n", (co_await read_sensor(2)).error().message().c_str());
}

int main() {
  crank::Pool pool({.threads = 2});
  crank::sync_wait(pool, program());
}

void legacy_measure(std::function<void(int)> done) { std::thread(std::move(done), 7).detach(); }
std::thread legacy_read(int sensor, std::move_only_function<void(int, int)> done) {
  return std::thread([sensor, done = std::move(done)]() mutable { sensor == 1 ? done(0, 42) : done(5, 0); });
}
