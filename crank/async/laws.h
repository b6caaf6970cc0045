// Test support: a law is a coroutine, written once and run everywhere the runtime runs. Internal to the tests.
//
//     LAW(Group, GivesEveryResultOnce) {
//       EXPECT_EQ(co_await sum_of(1000), 500500);
//     }
//
// becomes the tests Group.GivesEveryResultOnce/manual (in order), /seeds (five of them), /threads (turned by three
// threads on virtual time, laws_runner.h), /pool (four workers, real time), and a body of the wasm32 guest of
// tests/async_wasm. LAW_IN_TIME sleeps for longer than a real clock should be kept waiting and leaves /pool out. A body
// may be run several times, so it keeps nothing.
#pragma once

#if defined(__wasm__)
#include "tests/async_wasm/expect.h"
#else
#include <gtest/gtest.h>
#endif

#include "crank/async/task.h"

namespace crank::laws {

struct Law {
  Law(const char* its_suite, const char* its_name, const char* its_file, int its_line, bool takes_time,
      Task<> (*runs)());
  const char *suite, *name;
  Task<> (*body)();
};

}  // namespace crank::laws

#define CRANK_LAW(suite, name, takes_time)                                                                 \
  static crank::Task<> law_##suite##_##name();                                                             \
  static const crank::laws::Law registered_##suite##_##name(#suite, #name, __FILE__, __LINE__, takes_time, \
                                                            law_##suite##_##name);                         \
  static crank::Task<> law_##suite##_##name()
#define LAW(suite, name) CRANK_LAW(suite, name, false)
#define LAW_IN_TIME(suite, name) CRANK_LAW(suite, name, true)
