// Making a guest: an async entry is one line.
//
//     CRANK_ENTRY(fetch_report)(std::span<const std::byte> argument) -> Task<Result<Bytes>> {
//       CO_TRY(auto page, co_await http::get(as_text(argument)));
//       co_return summary(page);
//     }
//
// In a wasm32 module this exports `fetch_report` (pointer, length) -> task id. Natively it registers the same body under the
// name and CRANK_GUEST_MODULE (a string set for the target), so that a host can carry the module as native code.
#pragma once

#include <string_view>

#include "crank/guest/pump.h"

namespace crank::guest {

/// What a host calls to see whether the module works, before it trusts it (export `crank_probe`). The module may define it;
/// otherwise one that answers nothing, successfully, stands.
Task<Result<Bytes>> probe(std::span<const std::byte> argument);

#if !defined(__wasm__)
/// The entries of the natively compiled modules of this program.
class NativeEntry {
 public:
  NativeEntry(const char* module, const char* name, EntryFunction function) noexcept
      : module_(module), name_(name), function_(function), next_(first_) {
    first_ = this;
  }
  /// The entry, or null. An empty module name fits every module.
  static EntryFunction find(std::string_view module, std::string_view name) noexcept {
    for (NativeEntry* entry = first_; entry; entry = entry->next_)
      if (entry->name_ == name && (module.empty() || entry->module_ == module)) return entry->function_;
    return nullptr;
  }

 private:
  std::string_view module_, name_;
  EntryFunction function_;
  NativeEntry* next_;
  static inline constinit NativeEntry* first_ = nullptr;
};
#endif

}  // namespace crank::guest

#if !defined(CRANK_GUEST_MODULE)
#define CRANK_GUEST_MODULE ""
#endif

#if defined(__wasm__)
#define CRANK_ENTRY_LINK(name)                                                                                        \
  extern "C" [[clang::export_name(#name)]] std::uint32_t crank_export_##name(std::byte* data, std::uint32_t length) { \
    return ::crank::guest::the_pump().start(crank_entry_##name, data, length);                                        \
  }
#else
#define CRANK_ENTRY_LINK(name) \
  static const ::crank::guest::NativeEntry crank_registered_##name{CRANK_GUEST_MODULE, #name, crank_entry_##name};
#endif

/// Declares, exports and begins the definition of an async entry; at namespace scope.
#define CRANK_ENTRY(name)                                             \
  static auto crank_entry_##name(std::span<const std::byte> argument) \
      -> ::crank::Task<::crank::Result<::crank::guest::Bytes>>;       \
  CRANK_ENTRY_LINK(name)                                              \
  static auto crank_entry_##name
