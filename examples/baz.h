// The strings of the round-trip guests: memory of the generated glue, owned.
#pragma once

#include <cstdlib>
#include <cstring>

#include "crank/guest/component.h"
#include "round_trip/round_trip.h"

namespace crank::example {

using String = guest::Heap<round_trip_string_t, round_trip_string_free>;

inline void append(String& text, const char* more) {
  std::size_t size = std::strlen(more);
  text->ptr = static_cast<std::uint8_t*>(std::realloc(text->ptr, text->len + size));
  if (!text->ptr) __builtin_trap();
  std::memcpy(text->ptr + text->len, more, size);
  text->len += size;
}

}  // namespace crank::example
