// Internal: compiled modules on disk. A file is named by the SHA-256 of the options that shape the code and of the binary,
// written beside and renamed, so that readers see whole files only.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace crank::engine {

/// The path for this binary in `directory`, with `suffix`.
std::string cache_path(const std::string& directory, std::string_view key, std::span<const std::uint8_t> binary,
                       std::string_view suffix);
bool cache_has(const std::string& path) noexcept;
/// Best effort: a cache that cannot be written is a slow one, not an error.
void cache_write(const std::string& path, std::string_view bytes) noexcept;

}  // namespace crank::engine
