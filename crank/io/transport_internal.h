// The socket inside a Transport, for the sources that make or accept one.
#pragma once

#include "crank/io/asio_internal.h"
#include "crank/io/transport.h"

struct ssl_st;

namespace crank::io::detail {

struct Transport::Socket {
  explicit Socket(tcp::socket s) : tcp(std::move(s)) {}
  ~Socket();
  tcp::socket tcp;
  ssl_st* tls = nullptr;
  TlsContext context;  // keeps the session's settings alive
};

}  // namespace crank::io::detail
