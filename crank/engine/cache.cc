#include "crank/engine/cache.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>

#include "crank/base/text.h"

namespace crank::engine {

std::string cache_path(const std::string& directory, std::string_view key, std::span<const std::uint8_t> binary,
                       std::string_view suffix) {
  crypto_hash_sha256_state state;
  crypto_hash_sha256_init(&state);
  crypto_hash_sha256_update(&state, reinterpret_cast<const unsigned char*>(key.data()), key.size());
  crypto_hash_sha256_update(&state, binary.data(), binary.size());
  unsigned char digest[crypto_hash_sha256_BYTES];
  crypto_hash_sha256_final(&state, digest);
  char hex[2 * sizeof digest + 1];
  sodium_bin2hex(hex, sizeof hex, digest, sizeof digest);
  return concat(directory, "/", std::string_view(hex), suffix);
}

bool cache_has(const std::string& path) noexcept { return access(path.c_str(), R_OK) == 0; }

void cache_write(const std::string& path, std::string_view bytes) noexcept {
  static std::atomic<unsigned> serial{0};
  mkdir(path.substr(0, path.rfind('/')).c_str(), 0700);
  std::string temporary = concat(path, ".", getpid(), ".", serial.fetch_add(1));
  int file = open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (file < 0) return;
  bool whole = true;
  while (!bytes.empty() && whole) {
    ssize_t n = write(file, bytes.data(), bytes.size());
    whole = n > 0;
    if (whole) bytes.remove_prefix(static_cast<std::size_t>(n));
  }
  whole = close(file) == 0 && whole;
  if (!whole || rename(temporary.c_str(), path.c_str()) != 0) unlink(temporary.c_str());
}

}  // namespace crank::engine
