// The three hooks on a Boost.Asio io_context: tasks run on the loop's thread, main is one of its strands, Asio's callbacks are awaited.
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <cstdio>

#include "crank/async/continuation.h"
#include "crank/async/global_actor.h"
#include "crank/async/sleep.h"
#include "crank/async/spawn.h"

using namespace std::chrono_literals;

struct AsioRuntime {
  static AsioRuntime& of(void* context) { return *static_cast<AsioRuntime*>(context); }
  static void post(void* context, crank::Job& job) noexcept {
    boost::asio::post(of(context).loop, [&self = of(context), &job] {
      crank::run_job(job, crank::ExecutorRef::generic(), self.runtime);
    });
  }
  static void post_main(void* context, crank::Job& job) noexcept {
    boost::asio::post(of(context).main,
                      [&self = of(context), &job] { crank::run_job(job, self.runtime.main(), self.runtime); });
  }
  static void post_at(void* context, crank::Job& job, crank::Instant when) noexcept {
    of(context).timer.expires_at(when);
    of(context).timer.async_wait([context, &job](boost::system::error_code error) {
      if (!error) post(context, job);
    });
  }
  boost::asio::io_context loop;
  boost::asio::steady_timer timer{loop};
  boost::asio::strand<boost::asio::io_context::executor_type> main{loop.get_executor()};
  crank::Runtime runtime{
      {.context = this, .enqueue_global = post, .enqueue_delayed = post_at, .enqueue_main = post_main}};
};

crank::Task<> show(const char* line, crank::On<crank::MainActor> = {}) {
  crank::MainActor::assert_isolated();  // a turn of the strand
  std::puts(line);
  co_return;
}

crank::Task<> program(boost::asio::io_context& loop) {
  (void)co_await crank::sleep_for(1ms);
  co_await show("our sleep ended");
  boost::asio::steady_timer timer(loop, 1ms);
  bool elapsed = co_await crank::with_continuation<bool>([&](crank::Continuation<bool> done) {
    timer.async_wait([done = std::move(done)](boost::system::error_code error) mutable { done.resume(!error); });
  });
  co_await show(elapsed ? "Asio's timer was awaited: elapsed" : "Asio's timer was awaited: cancelled");
}

int main() {
  AsioRuntime asio;
  crank::spawn(program(asio.loop), {.runtime = &asio.runtime}).run_on();
  asio.loop.run();
}
