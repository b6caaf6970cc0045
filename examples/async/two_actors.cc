// One await from the main actor to an image pipeline and back: every decision the runtime takes, with its reason, in order.
#include <cstdio>
#include <string>

#include "crank/async/actor.h"
#include "crank/async/manual_executor.h"
#include "crank/async/trace.h"

class ImagePipeline : public crank::Actor {
 public:
  using Actor::Actor;
  crank::Task<int> decode(int bytes) {
    std::printf("   decoding on the pipeline\n");
    co_return bytes * 3;
  }
};

class FeedViewModel : public crank::Actor {
 public:
  using Actor::Actor;
  crank::Task<> refresh(crank::ActorRef<ImagePipeline> pipeline) {
    std::printf("   refresh begins on main\n");
    int pixels = co_await pipeline.call(&ImagePipeline::decode, 100);
    assert_isolated();
    std::printf("   refresh goes on, on main, with %d pixels\n", pixels);
  }
};

struct Teller {
  crank::ExecutorRef main, pipeline;
  const char* name(crank::ExecutorRef executor) const {
    return executor == main ? "main" : executor == pipeline ? "pipeline" : "generic";
  }
  static void tell(void* self, const crank::TraceRecord& record) noexcept {
    auto& teller = *static_cast<Teller*>(self);
    if (record.event < crank::TraceEvent::stay_inline || record.event > crank::TraceEvent::enqueue_foreign) return;
    std::printf("%s -> %s: %s\n", teller.name(record.from), teller.name(record.to), crank::name_of(record.event));
  }
};

int main() {
  crank::ManualExecutor manual;
  crank::ExecutorRef main = manual.runtime().main();
  auto pipeline = crank::make_actor<ImagePipeline>(manual.runtime());
  auto feed = crank::make_actor<FeedViewModel>(main, manual.runtime());
  Teller teller{main, pipeline.executor()};
  crank::TraceSink sink{Teller::tell, &teller};
  crank::install_trace(&sink);
  auto refresh =
      crank::spawn(feed.call(&FeedViewModel::refresh, pipeline), {.name = "refresh", .runtime = &manual.runtime()});
  while (manual.step()) std::printf("-- a thread is free\n");
  crank::install_trace(nullptr);
  return refresh.is_done() ? 0 : 1;
}
