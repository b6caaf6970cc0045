// A day of an app in a few seconds: events are tracked while the collector refuses, hangs, breaks off and loses
// answers, goes away and comes back, the app is offline for a while, and is killed and started again on its file. Then
// the books are compared.
#include <cstdio>
#include <filesystem>
#include <random>

#include "crank/async/sleep.h"
#include "crank/async/sync_wait.h"
#include "crank/async/timeout.h"
#include "examples/outbox/collector.h"
#include "examples/outbox/sdk.h"

using namespace std::chrono_literals;

namespace {

outbox::Options options_for(const outbox::Collector& collector) {
  return {.collector = {"127.0.0.1", collector.port()},
          .pace = {.batch = 8, .max_age = 20ms, .backoff = 2ms, .backoff_cap = 40ms},
          .timeout = 60ms};
}

// One life of the app: tracks, delivers, and is stopped in the middle of it.
crank::Task<int> live(outbox::HttpPost& posts, outbox::Collector& collector, const std::string& path, int events,
                      bool last) {
  auto file = outbox::EventFile::open(path);
  if (!file) co_return 0;
  auto sdk = crank::make_actor<outbox::Sdk>(options_for(collector), std::move(*file), posts);
  auto delivery = crank::spawn(sdk.call(&outbox::Sdk::run), {.name = "delivery"});
  int tracked = 0;
  for (int i = 0; i < events; ++i) {
    if (i == events / 4) co_await sdk.call(&outbox::Sdk::set_online, false);
    if (i == events / 2) co_await sdk.call(&outbox::Sdk::set_online, true);
    if (co_await sdk.call(&outbox::Sdk::track, std::string("tap"))) ++tracked;
    (void)co_await crank::sleep_for(1ms);
  }
  if (last) (void)co_await sdk.call(&outbox::Sdk::flush);
  delivery.cancel();
  co_await std::move(delivery);
  co_return tracked;
}

}  // namespace

int main() {
  auto path = (std::filesystem::temp_directory_path() / "crank_outbox_example.sqlite").string();
  std::filesystem::remove(path);
  std::mt19937 dice(7);
  outbox::Collector collector([&] { return static_cast<outbox::Fault>(dice() % 5); });
  outbox::HttpPost posts;
  crank::Pool pool({.threads = 2});
  int tracked = 0;
  for (int life = 0; life < 4; ++life) {
    if (life == 1) collector.go_away();
    if (life == 2) collector.come_back();
    tracked += crank::sync_wait(pool, live(posts, collector, path, 60, life == 3));
  }
  auto seen = collector.seen();
  std::printf("tracked %d, arrived %zu\n", tracked, seen.events.size());
  std::printf("under a wrong id: %d, timers left behind: %zu\n", static_cast<int>(seen.conflicting),
              pool.runtime().timers().size());
  std::printf("requests went wrong and some events came twice, and were known: %s\n", seen.repeated > 0 ? "yes" : "no");
  std::filesystem::remove(path);
}
