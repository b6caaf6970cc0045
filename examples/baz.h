// The strings of the round-trip guests: memory of the generated glue, owned.
#pragma once

#include <cstdlib>
#include <cstring>
#include <string_view>

#include "crank/guest/component.h"
#include "round_trip/round_trip.h"

namespace crank::example {

using String = guest::Heap<round_trip_string_t, round_trip_string_free>;

inline void append(String& text, std::string_view more) {
  if (more.empty()) return;
  // An empty string of the glue points nowhere that could be grown.
  text->ptr = static_cast<std::uint8_t*>(std::realloc(text->len ? text->ptr : nullptr, text->len + more.size()));
  if (!text->ptr) __builtin_trap();
  std::memcpy(text->ptr + text->len, more.data(), more.size());
  text->len += more.size();
}

}  // namespace crank::example
