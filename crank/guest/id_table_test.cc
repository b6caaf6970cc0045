#include "crank/guest/id_table.h"

#include <gtest/gtest.h>

#include <set>
#include <vector>

namespace crank::guest {
namespace {

int occupant;

TEST(IdTable, GivesIdsFromOneOn) {
  IdTable table;
  EXPECT_EQ(table.add(&occupant), 1U);
  EXPECT_EQ(table.add(&occupant), 2U);
  EXPECT_EQ(table.live(), 2U);
}

TEST(IdTable, TellsStaleFromNeverIssued) {
  IdTable table;
  std::uint32_t id = table.add(&occupant);
  EXPECT_EQ(table.find(id), &occupant);
  table.remove(id);
  EXPECT_EQ(table.find(id), nullptr);
  EXPECT_TRUE(table.was_issued(id));
  EXPECT_FALSE(table.was_issued(0));
  EXPECT_FALSE(table.was_issued(5000));
  EXPECT_EQ(table.find(0), nullptr);
  EXPECT_EQ(table.find(~0U), nullptr);
}

TEST(IdTable, DoesNotRepeatAnIdSoon) {
  IdTable table;
  std::set<std::uint32_t> seen;
  for (int i = 0; i < 64 * 4096; ++i) {
    std::uint32_t id = table.add(&occupant);
    EXPECT_TRUE(seen.insert(id).second);
    table.remove(id);
  }
}

TEST(IdTable, GrowsWithoutDisturbingWhatLives) {
  IdTable table;
  std::vector<int> things(10'000);
  std::vector<std::uint32_t> ids;
  for (int& thing : things) ids.push_back(table.add(&thing));
  for (std::size_t i = 0; i < things.size(); i += 2) table.remove(ids[i]);
  for (std::size_t i = 1; i < things.size(); i += 2) EXPECT_EQ(table.find(ids[i]), &things[i]);
  for (std::size_t i = 0; i < things.size(); i += 2) ids[i] = table.add(&things[i]);
  for (std::size_t i = 0; i < things.size(); ++i) EXPECT_EQ(table.find(ids[i]), &things[i]);
  std::size_t visited = 0;
  table.each([&](std::uint32_t id, void* thing) {
    EXPECT_EQ(table.find(id), thing);
    ++visited;
  });
  EXPECT_EQ(visited, things.size());
}

TEST(IdTable, AnswersZeroWhenItIsFull) {
  IdTable table;
  std::uint32_t last = 0, count = 0;
  while (std::uint32_t id = table.add(&occupant)) {
    last = id;
    ++count;
  }
  EXPECT_EQ(count, (1U << 20) - 1);
  EXPECT_EQ(table.find(last), &occupant);
  table.remove(last);
  EXPECT_NE(table.add(&occupant), 0U);
}

}  // namespace
}  // namespace crank::guest
