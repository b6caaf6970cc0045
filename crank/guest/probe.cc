#include "crank/guest/entry.h"

namespace crank::guest {

[[gnu::weak]] Task<Result<Bytes>> probe(std::span<const std::byte>) { co_return Bytes(); }

}  // namespace crank::guest
