#include "tests/reactor_host/puppet.h"

#include <gtest/gtest.h>

#include <map>
#include <random>

#include "tests/reactor_host/rig.h"

namespace crank::reactor {
namespace {

using testing::engine_for;
using testing::must;
using testing::play_puppet;

// Scripts with numbers that are likely to matter, drawn from a seed.
std::vector<std::uint8_t> script(std::mt19937& random) {
  constexpr std::uint32_t words[] = {0,  1,     2,      3,      7,      16,         20,         4,          26,
                                     40, 65536, 131072, 131071, 262144, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff};
  std::vector<std::uint8_t> out;
  for (int steps = 1 + static_cast<int>(random() % 12); steps > 0; --steps) {
    out.push_back(static_cast<std::uint8_t>(random() % 15));
    for (int i = 0; i < 6; ++i) {
      std::uint32_t word = random() % 8 == 0 ? random() : words[random() % std::size(words)];
      for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<std::uint8_t>(word >> shift));
    }
  }
  return out;
}

TEST(Puppet, WhateverAGuestDoesAtTheEdgeOfTheContractItsHostLivesAndTheCallEnds) {
  for (bool interpreted : {false, true}) {
    auto engine = engine_for(interpreted);
    auto module = must(engine::Module::compile_text(*engine, testing::puppet_text));
    std::mt19937 random(11);
    std::map<std::string_view, int> outcomes;
    for (int i = 0; i < 1500; ++i) {
      auto answer = play_puppet(engine, module, script(random));
      ++outcomes[answer ? "ok" : name_of(answer.error().code())];
      if (!answer) ASSERT_FALSE(answer.error().message().empty());
    }
    // Not all of them end the same way: the scripts do reach the contract's corners.
    for (std::string_view wanted : {"ok", "trap", "protocol", "stuck"}) EXPECT_GT(outcomes[wanted], 0) << wanted;
  }
}

TEST(Puppet, TheControlACorrectScriptCompletes) {
  auto engine = engine_for(false);
  auto module = must(engine::Module::compile_text(*engine, testing::puppet_text));
  std::vector<std::uint8_t> good(25, 0);
  good[1] = 1;  // complete(task 1, ok, 16, 4): the first data string
  good[9] = 16;
  good[13] = 4;
  auto answer = play_puppet(engine, module, good);
  ASSERT_TRUE(answer.has_value()) << answer.error().to_string();
  EXPECT_EQ(as_text(*answer), "echo");
}

}  // namespace
}  // namespace crank::reactor
