// wasi:http/types request-options: time-outs of one request on its way out.
#pragma once

#include <cstdint>
#include <optional>

#include "crank/component/value.h"

namespace crank::wasi {

class RequestOptions final : public component::HandleObject {
 public:
  RequestOptions() = default;
  RequestOptions(const RequestOptions& from)
      : HandleObject(), connect(from.connect), first_byte(from.first_byte), between_bytes(from.between_bytes) {}
  std::optional<std::uint64_t> connect, first_byte, between_bytes;  ///< nanoseconds
  bool immutable = false;
};

}  // namespace crank::wasi
