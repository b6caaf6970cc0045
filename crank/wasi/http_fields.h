// wasi:http/types fields: header and trailer fields as guests hold them.
#pragma once

#include <cstdint>

#include "crank/component/value.h"
#include "crank/io/http_message.h"

namespace crank::wasi {

/// Once part of a request or response it is immutable, and then shared freely.
class Fields final : public component::HandleObject {
 public:
  Fields() = default;
  explicit Fields(io::Headers from) : headers(std::move(from)) {}
  io::Headers headers;
  bool immutable = false;
};

/// Names and values of one fields resource together; more is size-exceeded.
inline constexpr std::size_t max_fields_bytes = 128 * 1024;

/// Fields of one hop that guests may neither set nor see.
bool is_forbidden_field(std::string_view name) noexcept;

}  // namespace crank::wasi
