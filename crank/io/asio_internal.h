// What the sources of this layer share about Boost.Asio. Not for users: no header they read mentions a library.
#pragma once

#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include "crank/io/event_loop.h"

namespace crank::io {

namespace asio = boost::asio;
using boost::system::error_code;
using tcp = asio::ip::tcp;

struct EventLoop::Impl {
  // The hint says that one thread runs this context; posting from others stays legal.
  asio::io_context context{1};
  asio::executor_work_guard<asio::io_context::executor_type> work{context.get_executor()};
  asio::steady_timer sweeper{context};
  bool sweeping = false;
  std::atomic<bool> wake_pending{false};
  std::atomic<bool> stopping{false};
};

}  // namespace crank::io
