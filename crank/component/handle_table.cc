#include "crank/component/handle_table.h"

namespace crank::component::detail {

std::string_view name_of(EntryKind kind) noexcept {
  constexpr std::string_view names[] = {"nothing",
                                        "resource",
                                        "subtask",
                                        "readable stream end",
                                        "writable stream end",
                                        "readable future end",
                                        "writable future end",
                                        "waitable set",
                                        "error context"};
  return names[static_cast<unsigned>(kind)];
}

std::unexpected<Error> HandleTable::unknown(std::uint32_t index) {
  return fail(Code::trap, concat("unknown handle index ", index));
}

std::unexpected<Error> HandleTable::wrong_kind(std::uint32_t index, EntryKind found, EntryKind wanted) {
  return fail(Code::trap, concat("handle index ", index, " used with the wrong type: it is a ", name_of(found),
                                 ", not a ", name_of(wanted)));
}

}  // namespace crank::component::detail
