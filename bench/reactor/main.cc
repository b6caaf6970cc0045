// What a reactor costs, compiled and interpreted: bench_reactor [--json FILE]. Ends with 1 when a target is missed.
//
// Every figure is the median of several rounds of wall time, and the least of them beside it. The modules are those of
// tests/guests/reactor; the host completes bridges at once, so that a round trip is guest, host and guest, and no network.
#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <new>

#include "crank/async/manual_executor.h"
#include "crank/async/pool.h"
#include "crank/async/sleep.h"
#include "crank/async/sync_wait.h"
#include "crank/async/turn.h"
#include "crank/reactor/chain.h"
#include "crank/reactor/module_guest.h"
#include "crank/reactor/reactor.h"

namespace {
std::atomic<std::uint64_t> allocations{0};
}
// Counted, to say how many a warm await costs the host.
void* operator new(std::size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size ? size : 1)) return memory;
  std::abort();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace {

using namespace crank;
using namespace crank::reactor;
using Clock = std::chrono::steady_clock;

template <class T>
T must(Result<T> result) {
  if (!result) {
    std::fprintf(stderr, "bench_reactor: %s\n%s\n", result.error().to_string().c_str(),
                 result.error().backtrace().c_str());
    std::exit(2);
  }
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

struct Row {
  std::string name, what, unit;
  double value = 0, least = 0, target = 0;  // target 0: reported only
  bool holds() const { return target == 0 || value <= target; }
};
std::vector<Row> rows;

double since(Clock::time_point start) { return std::chrono::duration<double, std::nano>(Clock::now() - start).count(); }

/// `round` answers nanoseconds an operation.
void measure(std::string name, std::string what, std::string unit, double target, int rounds,
             const std::function<double()>& round) {
  std::vector<double> figures;
  round();
  for (int i = 0; i < rounds; ++i) figures.push_back(round());
  std::sort(figures.begin(), figures.end());
  rows.push_back(
      {std::move(name), std::move(what), std::move(unit), figures[figures.size() / 2], figures.front(), target});
  const Row& row = rows.back();
  std::printf("%-28s %12.1f %12.1f %-6s %s  %s\n", row.name.c_str(), row.value, row.least, row.unit.c_str(),
              row.target == 0 ? "      "
              : row.holds()   ? "holds "
                              : "MISSED",
              row.what.c_str());
  std::fflush(stdout);
}
void note(std::string name, std::string what, std::string unit, double target, double value) {
  measure(std::move(name), std::move(what), std::move(unit), target, 1, [value] { return value; });
}

std::string module_path(const std::string& name) { return concat(CRANK_REACTOR_MODULES, "/", name, ".wasm"); }
std::vector<std::uint8_t> module_bytes(const std::string& name) {
  std::ifstream file(module_path(name), std::ios::binary);
  if (!file) {
    std::fprintf(stderr, "bench_reactor: cannot read %s; build the target `reactors`\n", module_path(name).c_str());
    std::exit(2);
  }
  return {std::istreambuf_iterator<char>(file), {}};
}

struct Setting {
  bool interpreted;
  std::string suffix;
  std::shared_ptr<engine::Engine> engine;
  engine::Module bridges;
};

/// The guest itself, without a Reactor around it.
void bare_guest(const Setting& setting) {
  struct Host final : GuestHost {
    std::vector<std::uint32_t> tokens;
    void on_complete(std::uint32_t, std::uint32_t, View) noexcept override {}
    void on_request(const Request& request) noexcept override { tokens.push_back(request.token); }
    void on_forget(std::uint32_t) noexcept override {}
    void on_close(std::uint32_t) noexcept override {}
    std::int64_t on_now() noexcept override { return 0; }
    void on_log(LogLevel, std::string_view) noexcept override {}
    void on_trace(std::uint32_t, std::uint32_t, std::int64_t) noexcept override {}
  } host;
  auto guest = must(make_module_guest(setting.engine, setting.bridges, host));
  constexpr int count = 1000;
  double resumes = 0, pumps = 0;
  auto play = [&] {
    host.tokens.clear();
    must(guest->enter("call_at_once", to_bytes(concat(count))));
    while (must(guest->pump(unlimited))->ready != 0) {}
    auto start = Clock::now();
    for (std::uint32_t token : host.tokens) must(guest->resume(token, Status::ok, {}));
    resumes = since(start) / count;
    start = Clock::now();
    for (int i = 0; i < count; ++i) must(guest->pump(1));
    pumps = since(start) / count;
    while (must(guest->pump(unlimited))->ready != 0) {}
  };
  measure("pump_turn" + setting.suffix, "one pump call that runs one ready job, on a fiber", "ns", 0, 15,
          [&] { return play(), pumps; });
  measure("resume" + setting.suffix, "one accepted resume, no payload", "ns", 0, 15, [&] { return play(), resumes; });
}

void round_trips(const Setting& setting) {
  ManualExecutor manual;
  auto bridges = std::make_shared<Bridges>();
  bridges->add_immediate("count", [](BridgeRequest&) -> Result<Bytes> { return Bytes(); });
  auto reactor =
      must(Reactor::open(manual.runtime(), setting.engine, setting.bridges, {.bridges = bridges, .slice = 1000}));
  int trips = setting.interpreted ? 5'000 : 50'000;
  auto play = [&] {
    auto start = Clock::now();
    must(manual.run(reactor->call("call_many", to_bytes(concat(trips)))));
    return since(start) / trips;
  };
  measure(setting.interpreted ? "bridge_interpreted" : "bridge_compiled",
          "guest awaits, host completes at once, guest goes on", "ns", setting.interpreted ? 0 : 400, 11, play);
  std::uint64_t before = allocations.load();
  play();
  note("allocations" + setting.suffix, "of the host for each such await, warm", "", 0.01,
       static_cast<double>(allocations.load() - before) / trips);
  constexpr int at_once = 10'000;
  measure("in_flight_10k" + setting.suffix, "10,000 continuations in flight, each asked for and answered", "ns", 0, 7,
          [&] {
            auto start = Clock::now();
            must(manual.run(reactor->call("call_at_once", to_bytes(concat(at_once)))));
            return since(start) / at_once;
          });
  reactor.reset();
  manual.run();
}

double percentile(std::vector<double>& values, double share) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
}

/// 1,000 reactors on two threads; pings of all but one, which loops for ever in the second half.
void greedy(const Setting& setting) {
  constexpr std::uint32_t slice = 5;
  Pool pool({.threads = 2, .on_blocked = [](unsigned, Duration) {}});
  std::vector<std::shared_ptr<Reactor>> reactors;
  for (int i = 0; i < 1000; ++i)
    reactors.push_back(must(Reactor::open(pool.runtime(), setting.engine, setting.bridges, {.slice = slice})));
  auto pings = [&]() -> Task<std::vector<double>> {
    std::vector<double> times;
    for (int round = 0; round < 3; ++round) {
      for (std::size_t i = 1; i < reactors.size(); ++i) {
        auto start = Clock::now();
        must(co_await reactors[i]->call("echo", {}));
        times.push_back(since(start) / 1e3);
      }
    }
    co_return times;
  };
  std::vector<double> alone = sync_wait(pool, pings());
  auto burning = spawn(reactors[0]->call("burn", to_bytes("1000000000000")), {.runtime = &pool.runtime()});
  std::vector<double> beside = sync_wait(pool, pings());
  note("ping_p50", "one ping of 1,000 reactors on two threads", "us", 0, percentile(alone, 0.5));
  note("ping_p99", "the same", "us", 0, percentile(alone, 0.99));
  note("greedy_p50", "the same while one of them loops for ever", "us", 0, percentile(beside, 0.5));
  note("greedy_p99", concat("the same; its slice is ", slice, " ms"), "us",
       (slice + 1) * 1000 + percentile(alone, 0.99), percentile(beside, 0.99));
  note("greedy_preemptions", "of the one that loops, meanwhile", "", 0,
       static_cast<double>(sync_wait(pool, reactors[0]->report()).preemptions));
  for (auto& reactor : reactors) sync_wait(pool, reactor->close());
  std::ignore = sync_wait(pool, [](TaskHandle<Result<Bytes>> handle) -> Task<bool> {
    co_return (co_await std::move(handle)).has_value();
  }(std::move(burning)));
}

/// From the call that traps to the first answer of the rung below.
void recovery(const Setting& setting) {
  Pool pool({.threads = 2, .on_blocked = [](unsigned, Duration) {}});
  KeyPair key = KeyPair::make();
  auto good = [&](std::uint64_t version) {
    return Release::sign("bridges", version, module_bytes("bridges"), key.secret_key);
  };
  measure("recovery" + setting.suffix, "from a call that traps to the answer of the previous release", "ms",
          setting.interpreted ? 0 : 5, 9, [&] {
            auto chain =
                Chain::make(pool.runtime(), {.name = "bench", .keys = {key.public_key}, .engine = setting.engine});
            must(sync_wait(pool, chain->start(good(2), good(1))));
            auto start = Clock::now();
            std::ignore = sync_wait(pool, chain->call("crash", to_bytes("now"), {.again = false}));
            must(sync_wait(pool, chain->call("echo", to_bytes("x"))));
            double took = since(start) / 1e6;
            sync_wait(pool, chain->close());
            return took;
          });
}

/// An embedder's own loop: one thread, a tick every 16 ms, and between two ticks one job of the runtime's after the other. How
/// late is the tick while a guest's job burns two seconds on that very thread?
class OwnLoop {
 public:
  OwnLoop()
      : runtime({.context = this,
                 .enqueue_global = [](void* self, Job& job) noexcept { of(self).jobs_.push_back(&job); },
                 .enqueue_delayed =
                     [](void* self, Job& job, Instant when) noexcept {
                       of(self).timer_ = &job;
                       of(self).due_ = when;
                     },
                 .enqueue_main = [](void* self, Job& job) noexcept { of(self).jobs_.push_back(&job); }}) {}
  /// Until `done`; how many milliseconds each tick came late.
  std::vector<double> run(const std::function<bool()>& done) {
    std::vector<double> late;
    auto next = Clock::now() + std::chrono::milliseconds(16);
    while (!done()) {
      if (auto now = Clock::now(); now >= next) {
        late.push_back(std::chrono::duration<double, std::milli>(now - next).count());
        next += std::chrono::milliseconds(16);
      }
      if (timer_ != nullptr && due_ <= runtime.now()) jobs_.push_back(std::exchange(timer_, nullptr));
      if (jobs_.empty()) continue;
      Job* job = jobs_.front();
      jobs_.pop_front();
      run_job(*job, ExecutorRef::generic(), runtime);
    }
    return late;
  }

 private:
  static OwnLoop& of(void* self) noexcept { return *static_cast<OwnLoop*>(self); }
  std::deque<Job*> jobs_;
  Job* timer_ = nullptr;
  Instant due_{};

 public:
  Runtime runtime;
};

void tick(const Setting& setting) {
  OwnLoop loop;
  auto bridges = std::make_shared<Bridges>();
  bridges->add_immediate("began", [](BridgeRequest&) -> Result<Bytes> { return Bytes(); });
  auto reactor = must(Reactor::open(loop.runtime, setting.engine, setting.bridges, {.bridges = bridges}));
  auto burning = spawn(reactor->call("burn_until", to_bytes("2000000000")), {.runtime = &loop.runtime});
  std::vector<double> late = loop.run([&] { return burning.is_done(); });
  must(burning.result_now().take<Exceptions::none>());
  note("tick_16ms" + setting.suffix,
       concat("how late the worst of ", late.size(),
              " ticks of the embedder's loop came while a job burned two seconds on its "
              "thread"),
       "ms", 16, percentile(late, 1));
  note("tick_16ms_p50" + setting.suffix, "the same, in the middle", "ms", 0, percentile(late, 0.5));
  auto closing = spawn(reactor->close(), {.runtime = &loop.runtime});
  std::ignore = loop.run([&] { return closing.is_done(); });
}

int write(const std::string& path) {
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream json(path);
  json << "{\"rows\":[";
  int missed = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Row& row = rows[i];
    missed += !row.holds();
    json << (i ? ",\n" : "\n") << "{\"name\":\"" << row.name << "\",\"what\":\"" << row.what << "\",\"unit\":\""
         << row.unit << "\",\"value\":" << row.value << ",\"least\":" << row.least << ",\"target\":" << row.target
         << ",\"holds\":" << (row.holds() ? "true" : "false") << "}";
  }
  json << "\n]}\n";
  return missed;
}

}  // namespace

int main(int count, char** words) {
  std::string json = "build/bench/reactor.json";
  for (int i = 1; i + 1 < count; ++i) {
    if (!std::strcmp(words[i], "--json")) json = words[i + 1];
  }
  std::string cache = (std::filesystem::temp_directory_path() / "crank-bench-reactor").string();
  std::printf("%-28s %12s %12s\n", "", "median", "least");
  for (bool interpreted : {false, true}) {
    Setting setting{interpreted,
                    interpreted ? "_interpreted" : "",
                    must(engine::Engine::create({.interpreted = interpreted, .cache_directory = cache})),
                    {}};
    setting.bridges = must(engine::Module::compile(*setting.engine, module_bytes("bridges")));
    bare_guest(setting);
    round_trips(setting);
    recovery(setting);
    tick(setting);
    if (!interpreted) greedy(setting);
  }
  auto size = [](const char* name) { return static_cast<double>(std::filesystem::file_size(module_path(name))); };
  note("module_sizes", "bytes of the module hello", "bytes", 10'000, size("hello"));
  note("module_sizes_bridges", "every bridge, an entry each", "bytes", 0, size("bridges"));
  note("module_sizes_analytics", "the analytics SDK with its JSON", "bytes", 0, size("analytics"));
  int missed = write(json);
  std::printf("%d targets missed\n", missed);
  return missed == 0 ? 0 : 1;
}
