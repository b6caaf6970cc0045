// OpenSSL behind plain functions, for transport.cc.
#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "crank/base/result.h"
#include "crank/io/tls.h"

struct ssl_st;

namespace crank::io::detail {

/// Outcome of one non-blocking step: a result, or what to wait for before trying again.
struct TlsStep {
  enum Want { nothing, read, write } want = nothing;
  Result<std::size_t> result = std::size_t{0};
};

Result<ssl_st*> new_session(const TlsContext& context, int socket, const std::string& server_name, bool as_client);
void free_session(ssl_st* session) noexcept;
TlsStep tls_handshake(ssl_st* session);
TlsStep tls_read(ssl_st* session, std::span<std::byte> into);
TlsStep tls_write(ssl_st* session, std::span<const std::byte> bytes);
void tls_shutdown(ssl_st* session) noexcept;

}  // namespace crank::io::detail
