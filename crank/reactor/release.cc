#include "crank/reactor/release.h"

#include <sodium.h>

#include <charconv>

#include "crank/base/check.h"

namespace crank::reactor {

namespace {

void ready() {
  static const bool done = sodium_init() >= 0;
  CRANK_CHECK(done, "libsodium cannot be initialised");
}

bool is_name(std::string_view name) {
  if (name.empty() || name.size() > 100) return false;
  for (char c : name) {
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_' ||
          c == '.'))
      return false;
  }
  return true;
}

std::string statement(std::string_view name, std::uint64_t version, const Digest& digest) {
  return concat("crank release 1\n", name, "\n", version, "\n", to_hex(digest), "\n");
}

Signature sign_bytes(std::string_view bytes, const SecretKey& key) {
  ready();
  Signature out;
  crypto_sign_detached(out.data(), nullptr, reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(),
                       key.data());
  return out;
}

bool holds(const Signature& signature, std::string_view bytes, std::span<const PublicKey> keys) {
  ready();
  for (const PublicKey& key : keys) {
    if (crypto_sign_verify_detached(signature.data(), reinterpret_cast<const unsigned char*>(bytes.data()),
                                    bytes.size(), key.data()) == 0)
      return true;
  }
  return false;
}

template <class T>
bool number(std::string_view text, T& out) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

}  // namespace

KeyPair KeyPair::make() {
  ready();
  KeyPair out;
  crypto_sign_keypair(out.public_key.data(), out.secret_key.data());
  return out;
}

Digest sha256(std::span<const std::uint8_t> bytes) noexcept {
  Digest out;
  crypto_hash_sha256(out.data(), bytes.data(), bytes.size());
  return out;
}

std::string to_hex(std::span<const std::uint8_t> bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::string out;
  for (std::uint8_t byte : bytes) {
    out += digits[byte >> 4];
    out += digits[byte & 15];
  }
  return out;
}

Release Release::sign(std::string name, std::uint64_t version, std::vector<std::uint8_t> module, const SecretKey& key) {
  CRANK_CHECK(is_name(name), "a release cannot be named \"", name, "\"");
  Release out{std::move(name), version, std::move(module), {}};
  out.signature = sign_bytes(statement(out.name, version, sha256(out.module)), key);
  return out;
}

Result<> Release::verify(std::span<const PublicKey> keys) const {
  if (!is_name(name)) return fail(Code::verification, "verifying a release: its name is not one");
  Digest digest = sha256(module);
  if (!holds(signature, statement(name, version, digest), keys))
    return fail(Code::verification, concat("verifying ", name, " ", version,
                                           ": no known key signed this name, version and module (SHA-256 ",
                                           to_hex(digest), "); do not run it"));
  return {};
}

std::string KillList::sign(std::uint64_t serial, const std::vector<std::pair<std::string, std::uint64_t>>& killed,
                           const SecretKey& key) {
  std::string text = concat("crank kill list 1\n", serial, "\n");
  for (const auto& [name, version] : killed) {
    CRANK_CHECK(is_name(name), "a kill list cannot name \"", name, "\"");
    text += concat(name, " ", version, "\n");
  }
  Signature signature = sign_bytes(text, key);
  return concat(text, "signature ", to_hex(signature), "\n");
}

Result<KillList> KillList::parse(std::string_view text, std::span<const PublicKey> keys) {
  auto bad = [](std::string_view why) { return fail(Code::protocol, concat("reading a kill list: ", why)); };
  if (text.size() > (1 << 20)) return bad("it is larger than a megabyte");
  constexpr std::string_view mark = "signature ";
  std::size_t at = text.rfind(mark);
  if (at == std::string_view::npos || (at != 0 && text[at - 1] != '\n')) return bad("it has no signature");
  std::string_view hex = text.substr(at + mark.size());
  if (hex.empty() || hex.back() != '\n') return bad("its last line does not end");
  hex.remove_suffix(1);
  Signature signature;
  std::size_t length = 0;
  ready();
  if (hex.size() != 2 * signature.size() ||
      sodium_hex2bin(signature.data(), signature.size(), hex.data(), hex.size(), nullptr, &length, nullptr) != 0)
    return bad("its signature is not 64 bytes in hex");
  std::string_view body = text.substr(0, at);
  if (!holds(signature, body, keys))
    return fail(Code::verification, "verifying a kill list: no known key signed it; it is ignored");

  KillList out;
  bool first = true, has_serial = false;
  while (!body.empty()) {
    std::size_t end = body.find('\n');
    if (end == std::string_view::npos) return bad("a line does not end");
    std::string_view line = body.substr(0, end);
    body.remove_prefix(end + 1);
    if (first) {
      if (line != "crank kill list 1") return bad("it is of another format");
      first = false;
    } else if (!has_serial) {
      if (!number(line, out.serial_)) return bad("its serial is no number");
      has_serial = true;
    } else {
      std::size_t space = line.find(' ');
      std::uint64_t version = 0;
      if (space == std::string_view::npos || !is_name(line.substr(0, space)) ||
          !number(line.substr(space + 1), version))
        return bad("a line is not NAME VERSION");
      out.killed_.emplace(line.substr(0, space), version);
    }
  }
  if (!has_serial) return bad("it has no serial");
  return out;
}

}  // namespace crank::reactor
