// The SDK on a file in memory and a post in virtual time, cancelled at every point at which it can be.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <sstream>
#include <vector>

#include "crank/async/sleep.h"
#include "examples/delivery/stepped.h"
#include "examples/outbox/collector.h"
#include "examples/outbox/sdk.h"

namespace outbox {
namespace {

using namespace std::chrono_literals;
using crank::Code;
using crank::Result;
using crank::Task;

// The collector with its network: each request has its fault; when there are no more faults, all is well.
class FakePost final : public Post {
 public:
  explicit FakePost(std::vector<Fault> faults) : faults_(std::move(faults)) {}
  Task<Result<std::uint16_t>> post(Address, std::string, std::string body) override {
    Fault fault = requests < faults_.size() ? faults_[requests] : Fault::none;
    ++requests;
    if (!co_await travels(2ms)) co_return crank::fail(Code::cancelled, "on its way there");
    if (fault == Fault::refuse) co_return std::uint16_t{503};
    if (fault == Fault::break_off) co_return crank::fail(Code::io, "broken off");
    if (fault == Fault::hang && !co_await travels(24h)) co_return crank::fail(Code::cancelled, "hung");
    accept(body);
    if (fault == Fault::lose_answer) co_return crank::fail(Code::io, "the answer was lost");
    if (!co_await travels(1ms)) co_return crank::fail(Code::cancelled, "on its way back");
    for (auto& [id, name] : read(body)) answered.insert(id);
    co_return std::uint16_t{200};
  }
  std::map<std::uint64_t, std::string> events;  // as first accepted
  std::set<std::uint64_t> answered;             // their acceptance was heard of
  std::size_t requests = 0;

 private:
  static Task<bool> travels(crank::Duration time) {
    co_return co_await crank::sleep_for(time) == crank::SleepOutcome::elapsed;
  }
  static std::map<std::uint64_t, std::string> read(const std::string& body) {
    std::istringstream lines(body);
    std::map<std::uint64_t, std::string> events;
    std::uint64_t id;
    std::string name;
    while (lines >> id >> name) events.emplace(id, name);
    return events;
  }
  void accept(const std::string& body) {
    for (auto& [id, name] : read(body)) {
      EXPECT_FALSE(answered.contains(id)) << id << " was sent again though its acceptance was known";
      EXPECT_EQ(events.emplace(id, name).first->second, name) << "another event under one id";
    }
  }
  const std::vector<Fault> faults_;
};

void cancelled_everywhere(delivery::Victim victim) {
  std::vector<Fault> faults{Fault::refuse, Fault::lose_answer, Fault::hang, Fault::break_off, Fault::none};
  for (std::size_t turned = 0; turned < faults.size(); ++turned) {
    unsigned k = 0;
    for (bool cut = true; cut; ++k) {
      FakePost posts(faults);
      std::map<std::uint64_t, std::string> tracked;
      auto make = [&]() -> Task<crank::ActorRef<Sdk>> {
        Options options{
            .collector = {}, .pace = {.batch = 3, .max_age = 5ms, .backoff = 2ms, .backoff_cap = 8ms}, .timeout = 10ms};
        co_return crank::ActorRef<Sdk>(new Sdk(options, std::move(*EventFile::open(":memory:")), posts));
      };
      auto track = [&](crank::ActorRef<Sdk> sdk, int n) -> Task<> {
        std::string name = crank::concat("event-", n);
        tracked.emplace(*co_await sdk.call(&Sdk::track, name), name);
      };
      cut = delivery::live<Sdk>(k, victim, make, track);
      ASSERT_EQ(posts.events, tracked) << "cut at " << k;
      ASSERT_EQ(posts.answered.size(), tracked.size()) << "cut at " << k;
      ASSERT_FALSE(testing::Test::HasFailure());
    }
    EXPECT_GT(k, 40u);  // it was cut in many places
    std::ranges::rotate(faults, faults.begin() + 1);
  }
}

TEST(OutboxSteps, WhereverItsDeliveryIsCancelledNothingIsLostOrSentInVainOrLeftBehind) {
  cancelled_everywhere(delivery::Victim::delivery);
}
TEST(OutboxSteps, WhereverAFlushIsCancelledNothingOfItIsLeft) { cancelled_everywhere(delivery::Victim::flush); }

}  // namespace
}  // namespace outbox
