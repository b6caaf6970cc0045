// Bugs of the caller that the runtime can name. Natively: the sentence on the error stream, then abort. In a guest: a trap,
// without pulling any text formatting into the module.
#pragma once

namespace crank::detail {

/// `what` is a sentence; function, file and line name the place that is to blame, when it is known.
[[noreturn]] void misuse(const char* what, const char* function = nullptr, const char* file = nullptr,
                         unsigned line = 0) noexcept;

}  // namespace crank::detail
