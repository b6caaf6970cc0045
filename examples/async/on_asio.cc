// The three hooks on a Boost.Asio io_context: tasks run on the loop's thread, main is one of its strands, Asio's callbacks are awaited.
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <cstdio>

#include "crank/async/continuation.h"
#include "crank/async/sleep.h"
#include "crank/async/spawn.h"

using namespace std::chrono_literals;

class AsioRuntime {
 public:
  explicit AsioRuntime(boost::asio::io_context& loop) : loop_(loop), timer_(loop) {}
  crank::Runtime& runtime() { return runtime_; }

 private:
  static AsioRuntime& of(void* context) { return *static_cast<AsioRuntime*>(context); }
  static void post(void* context, crank::Job& job) noexcept {
    boost::asio::post(of(context).loop_, [&self = of(context), &job] {
      crank::run_job(job, crank::ExecutorRef::generic(), self.runtime_);
    });
  }
  static void post_main(void* context, crank::Job& job) noexcept {
    boost::asio::post(of(context).main_,
                      [&self = of(context), &job] { crank::run_job(job, self.runtime_.main(), self.runtime_); });
  }
  static void post_at(void* context, crank::Job& job, crank::Instant when) noexcept {
    of(context).timer_.expires_at(when);
    of(context).timer_.async_wait([context, &job](boost::system::error_code error) {
      if (!error) post(context, job);
    });
  }
  boost::asio::io_context& loop_;
  boost::asio::steady_timer timer_;
  boost::asio::strand<boost::asio::io_context::executor_type> main_{loop_.get_executor()};
  crank::Runtime runtime_{
      {.context = this, .enqueue_global = post, .enqueue_delayed = post_at, .enqueue_main = post_main}};
};

crank::Task<> program(boost::asio::io_context& loop) {
  (void)co_await crank::sleep_for(1ms);
  std::printf("our sleep ended\n");
  boost::asio::steady_timer timer(loop, 1ms);
  bool elapsed = co_await crank::with_continuation<bool>([&](crank::Continuation<bool> done) {
    timer.async_wait([done = std::move(done)](boost::system::error_code error) mutable { done.resume(!error); });
  });
  std::printf("Asio's timer was awaited: %s\n", elapsed ? "elapsed" : "cancelled");
}

int main() {
  boost::asio::io_context loop;
  AsioRuntime asio(loop);
  crank::spawn(program(loop), {.runtime = &asio.runtime()}).run_on();
  loop.run();
}
