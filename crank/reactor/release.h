// Signed releases and the signed kill list. Nothing of a release is looked at before its signature (Ed25519) and the digest
// (SHA-256) of its module hold.
//
// Signed bytes of a release:    "crank release 1\n" NAME "\n" VERSION "\n" SHA-256 of the module, hex "\n"
// A kill list is a text:        "crank kill list 1\n" SERIAL "\n" (NAME " " VERSION "\n")* "signature " hex "\n"
//                               signed are the bytes before the last line
// Publishing, deltas and staged rollout are crank/ota's; it hands releases to a Chain.
#pragma once

#include <array>
#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "crank/base/result.h"

namespace crank::reactor {

using Digest = std::array<std::uint8_t, 32>;
using PublicKey = std::array<std::uint8_t, 32>;
using SecretKey = std::array<std::uint8_t, 64>;
using Signature = std::array<std::uint8_t, 64>;

struct KeyPair {
  PublicKey public_key{};
  SecretKey secret_key{};
  static KeyPair make();
};

Digest sha256(std::span<const std::uint8_t> bytes) noexcept;
std::string to_hex(std::span<const std::uint8_t> bytes);

struct Release {
  std::string name;  ///< of the module: letters, digits, '-', '_', '.'
  std::uint64_t version = 0;
  std::vector<std::uint8_t> module;
  Signature signature{};

  static Release sign(std::string name, std::uint64_t version, std::vector<std::uint8_t> module, const SecretKey& key);
  /// Whether one of the keys signed exactly this name, version and module. Code::verification says what does not hold.
  Result<> verify(std::span<const PublicKey> keys) const;
};

/// The versions a server has taken back.
class KillList {
 public:
  KillList() = default;
  /// Verifies and reads; Code::verification or Code::protocol otherwise.
  static Result<KillList> parse(std::string_view text, std::span<const PublicKey> keys);
  static std::string sign(std::uint64_t serial, const std::vector<std::pair<std::string, std::uint64_t>>& killed,
                          const SecretKey& key);

  bool kills(std::string_view name, std::uint64_t version) const {
    return killed_.contains({std::string(name), version});
  }
  /// Only grows: a list older than the one in force is refused by who applies it.
  std::uint64_t serial() const noexcept { return serial_; }

 private:
  std::uint64_t serial_ = 0;
  std::set<std::pair<std::string, std::uint64_t>> killed_;
};

}  // namespace crank::reactor
