// Turns the crank of async_laws.wasm from outside, with several budgets, on the engine: every law of
// crank/async/*_laws_test.cc without threads, exceptions or RTTI. No user code may run before the first pump, and no
// timer may be left.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "crank/engine/store.h"
#include "crank/engine/testing.h"

namespace crank::engine {
namespace {

using testing::must;

class Guest {
 public:
  Guest() : store_(testing::new_store(engine_)) {
    std::ifstream file(CRANK_ASYNC_WASM, std::ios::binary);
    std::vector<std::uint8_t> bytes{std::istreambuf_iterator<char>(file), {}};
    auto module = must(Module::compile(*engine_, bytes));
    std::vector<Extern> imports;
    for (const auto& wanted : module.imports())
      imports.push_back(store_->host_function(
          wanted.type.func,
          [](void*, Caller*, RawVal* values, std::size_t) noexcept -> Trap {
            values[0].i32 = 52;  // ENOSYS: nothing of the system is needed
            return nullptr;
          },
          nullptr));
    instance_ = must(store_->instantiate(module, imports));
    if (store_->get(instance_, "_initialize")) call("_initialize");
  }
  int call(const char* name, int argument = 0) {
    RawVal values[1] = {{.i32 = argument}};
    must(store_->call(must(store_->func(instance_, name)), values));
    return values[0].i32;
  }
  std::string text(const char* name, int argument) {
    auto bytes = store_->memory_bytes(must(store_->memory(instance_, "memory")));
    return reinterpret_cast<const char*>(bytes.data()) + call(name, argument);
  }

 private:
  std::shared_ptr<Engine> engine_ = testing::small_engine(false);
  std::unique_ptr<Store> store_;
  Instance instance_;
};

class Laws : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Budgets, Laws, ::testing::Values(1, 2, 7, 1'000'000));

TEST_P(Laws, HoldInAGuestThatIsPumped) {
  Guest guest;
  int laws = guest.call("count");
  EXPECT_GT(laws, 50);
  for (int law = 0; law < laws; ++law) {
    SCOPED_TRACE(guest.text("suite", law) + "." + guest.text("name", law));
    guest.call("start", law);
    ASSERT_EQ(guest.call("ready"), 1);
    ASSERT_EQ(guest.call("began"), 0) << "it ran before the pump";
    ASSERT_EQ(guest.call("outcome"), 0);
    while (guest.call("outcome") == 0)
      if (guest.call("pump", GetParam()) == 0 && !guest.call("pass")) break;
    EXPECT_EQ(guest.call("outcome"), 1) << "the line that failed; 0: nothing will resume it";
    EXPECT_EQ(guest.call("began"), 1);
    EXPECT_EQ(guest.call("timers"), 0);
  }
}

}  // namespace
}  // namespace crank::engine
