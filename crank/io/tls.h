// TLS: what a client trusts, and what a server shows. Sessions are OpenSSL's, hidden in the sources.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "crank/base/result.h"

namespace crank::io {

namespace detail {
struct TlsState;
}

/// Settings shared by many connections. Immutable, thread-safe, cheap to copy.
class TlsContext {
 public:
  TlsContext() = default;
  /// Trusts the authorities of the operating system and those in `extra_authorities` (PEM; may be empty). With
  /// `only_these`, the operating system's are left out.
  static Result<TlsContext> client(std::string_view extra_authorities = {}, bool only_these = false);
  static Result<TlsContext> server(std::string_view certificate_chain_pem, std::string_view private_key_pem);
  explicit operator bool() const noexcept { return state_ != nullptr; }
  const detail::TlsState* state() const noexcept { return state_.get(); }

 private:
  std::shared_ptr<const detail::TlsState> state_;
};

/// A throw-away authority and a server certificate it signed, for tests: made in memory, valid for a day.
struct TestAuthority {
  std::string authority_pem;
  std::string certificate_pem;
  std::string private_key_pem;
  /// `host`: a DNS name or an IP address, becomes the subject alternative name.
  static Result<TestAuthority> make(std::string_view host);
};

}  // namespace crank::io
