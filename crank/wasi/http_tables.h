// The tables of wasi:http/types, one a resource, put together by http_types.cc. Users don't read this.
#pragma once

#include <span>

#include "crank/wasi/registration.h"

namespace crank::wasi {

std::span<const PlainEntry> fields_functions();
std::span<const PlainEntry> request_functions();
std::span<const PlainEntry> request_options_functions();
std::span<const PlainEntry> response_functions();

}  // namespace crank::wasi
