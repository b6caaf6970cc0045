// The process's standard input for guests: it may block for ever, so a thread of its own reads it, on demand.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "crank/async/task.h"
#include "crank/base/result.h"

namespace crank::wasi {

class StandardInput {
 public:
  /// Reads `descriptor`; the thread starts with the first read.
  explicit StandardInput(int descriptor);
  ~StandardInput();  ///< a read under way is left behind; nothing of it is used any more
  /// Bytes, or 0 at the end. Reads of several streams take turns; each byte goes to one of them.
  [[nodiscard]] Task<Result<std::size_t>> read(std::span<std::byte> into);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace crank::wasi
