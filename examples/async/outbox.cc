// Analytics events that survive: an outbox in a real SQLite file, batches by size or age, retries with exponential backoff and
// full jitter, an offline switch, everything cancellable. Played against a server that refuses, hangs, and loses answers,
// with 100 seeds on virtual time; in the middle the program is cancelled and started again on the same file.
#include <sqlite3.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "crank/async/manual_executor.h"
#include "crank/async/sleep.h"
#include "crank/async/timeout.h"

using namespace std::chrono_literals;
using crank::Duration;
using crank::Task;

/// The events not yet delivered, oldest first. Every change is a transaction of the file.
class Outbox {
 public:
  explicit Outbox(const std::string& path) {
    sqlite3_open(path.c_str(), &file_);
    // The example is about our losses, not about a disk whose power fails: no waiting for it.
    run("pragma synchronous=off; create table if not exists events(id integer primary key autoincrement, name "
        "text)");
  }
  ~Outbox() { sqlite3_close(file_); }
  void add(const char* name) { run(std::string("insert into events(name) values('") + name + "')"); }
  std::vector<int> oldest(int most) {
    std::vector<int> ids;
    run("select id from events order by id limit " + std::to_string(most), &ids);
    return ids;
  }
  void remove_up_to(int id) { run("delete from events where id <= " + std::to_string(id)); }

 private:
  void run(const std::string& statement, std::vector<int>* ids = nullptr) {
    char* error = nullptr;
    auto row = [](void* out, int, char** columns, char**) {
      static_cast<std::vector<int>*>(out)->push_back(std::atoi(columns[0]));
      return 0;
    };
    if (sqlite3_exec(file_, statement.c_str(), ids ? +row : nullptr, ids, &error) != SQLITE_OK) {
      std::fprintf(stderr, "outbox: %s: %s\n", statement.c_str(), error);
      std::abort();
    }
  }
  sqlite3* file_ = nullptr;
};

/// The other side, with faults drawn from a seed. What it has accepted it knows by the events' ids.
struct Server {
  std::mt19937_64 dice;
  bool online = true;
  int requests = 0, repeated = 0;
  std::set<int> accepted{};

  Task<bool> post(std::vector<int> ids) {
    ++requests;
    auto fault = dice() % 6;
    if (!online || fault == 0) co_return false;           // refused
    if (fault == 1) (void)co_await crank::sleep_for(1h);  // hangs; its caller gives up
    if (crank::is_cancelled()) co_return false;
    for (int id : ids) repeated += !accepted.insert(id).second;  // the same id again is the same event
    co_return fault != 2;                                        // accepted, but the answer was lost
  }
};

/// Sends what is in the outbox until it is cancelled.
Task<> deliver(Outbox& outbox, Server& server) {
  constexpr int batch = 8;
  int failures = 0;
  while (!crank::is_cancelled()) {
    // A full batch goes at once, less than that when it has waited a second.
    if (static_cast<int>(outbox.oldest(batch).size()) < batch &&
        co_await crank::sleep_for(1s) == crank::SleepOutcome::cancelled)
      co_return;
    std::vector<int> ids = outbox.oldest(batch);
    if (ids.empty()) continue;
    auto done = co_await crank::with_timeout(2s, server.post(ids));
    if (done && *done) {
      outbox.remove_up_to(ids.back());  // only now, so that nothing is lost
      failures = 0;
      continue;
    }
    Duration longest = std::min<Duration>(30s, 100ms * (1 << std::min(failures++, 10)));
    Duration pause(static_cast<Duration::rep>(server.dice() % static_cast<std::uint64_t>(longest.count())));
    (void)co_await crank::sleep_for(pause);
  }
}

Task<> track(Outbox& outbox, Server& server, int events) {
  for (int i = 0; i < events; ++i) {
    outbox.add("tap");
    server.online = server.dice() % 4 != 0;
    if (co_await crank::sleep_for(1ms * (server.dice() % 3000)) == crank::SleepOutcome::cancelled) co_return;
  }
  server.online = true;
}

int main() {
  auto path = (std::filesystem::temp_directory_path() / "crank_outbox_example.sqlite").string();
  int lost = 0, timers = 0, requests = 0, repeated = 0;
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    std::filesystem::remove(path);
    crank::ManualExecutor manual;
    Server server{std::mt19937_64(seed)};
    int added = 0;
    for (bool last : {false, true}) {  // two runs of the program on one file
      Outbox outbox(path);
      auto delivery = crank::spawn(deliver(outbox, server), {.name = "delivery", .runtime = &manual.runtime()});
      auto tracking = crank::spawn(track(outbox, server, 20), {.name = "tracking", .runtime = &manual.runtime()});
      manual.advance(last ? Duration(10min) : 1ms * (server.dice() % 30'000));
      delivery.cancel();
      tracking.cancel();
      manual.run();
      timers += static_cast<int>(manual.runtime().timers().size()) + !delivery.is_done() + !tracking.is_done();
      outbox.add("end of run");
      added = outbox.oldest(1000).back();
      if (last) lost += static_cast<int>(outbox.oldest(1000).size()) - 1;
    }
    for (int id = 1; id < added; ++id) lost += !server.accepted.contains(id);
    requests += server.requests;
    repeated += server.repeated;
  }
  std::filesystem::remove(path);
  std::printf("100 seeds: %d events lost, %d timers or tasks left behind\n", lost, timers);
  return lost || timers || requests == 0 || repeated == 0;
}
