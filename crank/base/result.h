// Errors as values. `Result<T>` is std::expected with an `Error`: a code for programs, a sentence for people, where it
// was made, and the error that caused it. An Error is one pointer wide and cheap to move; the library never throws.
//
//   return fail(Code::bad_binary, concat("reading ", path, ": the file ends inside section ", n));
//   CRANK_TRY(auto module, engine.compile(bytes));     // returns the error of the expression, or binds its value
#pragma once

#include <expected>
#include <memory>
#include <source_location>
#include <string>
#include <string_view>
#include <utility>

#include "crank/base/text.h"

namespace crank {

/// What kind of failure. Each has a line in docs/errors.md that says what a person can do about it.
enum class Code : unsigned short {
  unknown,
  cancelled,       ///< the work was asked to stop before it finished
  deadline,        ///< its time was over
  bad_argument,    ///< the caller passed what the documentation excludes
  bad_state,       ///< the operation is not allowed now
  bad_binary,      ///< truncated, malformed or invalid WebAssembly
  bad_type,        ///< a value, signature or import has another type than asked for
  missing_import,  ///< nothing satisfies an import
  missing_export,  ///< the component or module does not export that name
  unsupported,     ///< valid, but not by this version of Crank
  limit,           ///< memory, handles, size or count over what the embedder allows
  trap,            ///< the guest trapped; the message carries its backtrace
  root_dead,       ///< the instance it was addressed to has trapped or was destroyed earlier
  deadlock,        ///< nothing can run and nothing is awaited from outside
  stuck,           ///< a reactor is idle and the awaited work has not completed
  io,              ///< the operating system or a socket said no
  protocol,        ///< the peer broke the protocol (HTTP, TLS, reactor contract)
  not_found,       ///< no such file, name or version
  verification,    ///< digest or signature does not hold
  exception,       ///< a user's C++ exception, carried as a value
};

/// The identifier of a code as written above, for logs and docs.
std::string_view name_of(Code code) noexcept;

/// An error value. Never empty except after being moved from. Copies share one immutable record.
class [[nodiscard("an Error is a value: return it, report it, or say std::ignore")]] Error {
 public:
  Error(Code code, std::string message, std::source_location where = std::source_location::current());

  Code code() const noexcept;
  /// One sentence: what was being done, what was found, what to do.
  const std::string& message() const noexcept;
  std::source_location where() const noexcept;
  /// The error underneath, or null.
  const Error* cause() const noexcept;
  /// A guest or async backtrace, one frame a line; empty if there is none.
  const std::string& backtrace() const noexcept;

  /// This error as the cause of a new one that says what the outer work was.
  Error wrap(Code code, std::string message, std::source_location where = std::source_location::current()) &&;
  Error with_backtrace(std::string frames) &&;
  /// The message followed by the messages of its causes.
  std::string to_string() const;

 private:
  struct Record;
  explicit Error(std::shared_ptr<const Record> record) : record_(std::move(record)) {}
  std::shared_ptr<const Record> record_;
};

template <class T = void>
using Result = std::expected<T, Error>;

/// An unexpected value to return from a function that answers Result<T>.
[[nodiscard]] inline std::unexpected<Error> fail(Code code, std::string message,
                                                 std::source_location where = std::source_location::current()) {
  return std::unexpected<Error>(Error(code, std::move(message), where));
}
[[nodiscard]] inline std::unexpected<Error> fail(Error error) { return std::unexpected<Error>(std::move(error)); }

}  // namespace crank

#define CRANK_CONCAT_INNER(a, b) a##b
#define CRANK_CONCAT(a, b) CRANK_CONCAT_INNER(a, b)
#define CRANK_TRY_INNER(temporary, declaration, ...)                    \
  auto temporary = (__VA_ARGS__);                                       \
  if (!temporary) return std::unexpected(std::move(temporary).error()); \
  declaration = *std::move(temporary)
/// `CRANK_TRY(auto x, expression);` binds the value of a Result, or returns its error from this function.
#define CRANK_TRY(declaration, ...) CRANK_TRY_INNER(CRANK_CONCAT(crank_try_, __COUNTER__), declaration, __VA_ARGS__)
#define CRANK_TRY_VOID_INNER(temporary, ...) \
  if (auto temporary = (__VA_ARGS__); !temporary) return std::unexpected(std::move(temporary).error())
/// The same for a Result<void>, or for a value nobody needs.
#define CRANK_TRY_VOID(...) CRANK_TRY_VOID_INNER(CRANK_CONCAT(crank_try_, __COUNTER__), __VA_ARGS__)
