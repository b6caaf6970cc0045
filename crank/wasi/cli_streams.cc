// wasi:cli/types, stdin, stdout, stderr@0.3.0. Each call starts a task that moves bytes between the descriptor and the
// guest's stream, straight from and into the guest's memory where it can.
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "crank/async/spawn.h"
#include "crank/component/host_stream.h"
#include "crank/wasi/registration.h"
#include "crank/wasi/standard_input.h"

namespace crank::wasi {
namespace {

using namespace component;

enum ErrorCode : std::uint32_t { io_error, illegal_byte_sequence, pipe };

Value outcome_of(int error) {
  if (!error) return Value::ok();
  return Value::error(Value::variant(error == EPIPE ? pipe : io_error));
}

// Standard streams are written where the guest runs. A full pipe is waited for; a closed one is an error, no signal.
int write_fully(int descriptor, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const auto n = ::write(descriptor, bytes.data(), bytes.size());
    if (n >= 0) {
      bytes = bytes.subspan(static_cast<std::size_t>(n));
    } else if (errno == EAGAIN) {
      pollfd wait{descriptor, POLLOUT, 0};
      ::poll(&wait, 1, -1);
    } else if (errno != EINTR) {
      return errno;
    }
  }
  return 0;
}

Task<> copy_out(int descriptor, StreamReader data, FutureWriter result) {
  int error = 0;
  for (;;) {
    auto loan = co_await data.lend();
    if (!loan || loan->closed()) break;
    const auto size = loan->bytes().size();
    if (descriptor >= 0) error = write_fully(descriptor, loan->bytes());
    loan->finish(size);
    if (error) break;
  }
  data.close();
  result.set(outcome_of(error));
}

Task<> copy_in(std::shared_ptr<StandardInput> input, StreamWriter data, FutureWriter result) {
  std::array<std::byte, 16 * 1024> buffer;
  bool failed = false;
  while (input) {
    auto n = co_await input->read(buffer);
    failed = !n;
    if (!n || *n == 0) break;
    auto taken = co_await data.write(std::span(buffer).first(*n));
    if (!taken || *taken < *n) break;  // the reader is gone
  }
  data.close();
  result.set(outcome_of(failed ? EIO : 0));
}

SpawnOptions apart(Context& context) { return {.executor = context.executor, .runtime = context.runtime}; }

Result<Value> write_via_stream(Context& context, int descriptor, Value& stream) {
  CRANK_TRY(auto data, StreamReader::take(std::move(stream)));
  auto [writer, reader] = make_future();
  spawn_detached(copy_out(descriptor, std::move(data), std::move(writer)), apart(context)).run_on();
  return std::move(reader).into_value();
}
Result<Value> stdout_write(Context& context, std::span<Value> v) {
  return write_via_stream(context, context.stdout_descriptor, v[0]);
}
Result<Value> stderr_write(Context& context, std::span<Value> v) {
  return write_via_stream(context, context.stderr_descriptor, v[0]);
}

Result<Value> stdin_read(Context& context, std::span<Value>) {
  auto stream = make_stream(Value::Kind::u8);
  auto future = make_future();
  spawn_detached(copy_in(context.standard_input, std::move(stream.writer), std::move(future.writer)), apart(context))
      .run_on();
  return tuple(std::move(stream.reader).into_value(), std::move(future.reader).into_value());
}

constexpr PlainEntry for_stdin[] = {{"read-via-stream", stdin_read}};
constexpr PlainEntry for_stdout[] = {{"write-via-stream", stdout_write}};
constexpr PlainEntry for_stderr[] = {{"write-via-stream", stderr_write}};

}  // namespace

void add_cli_streams(Imports& imports, std::shared_ptr<Context> context) {
  imports.interface("wasi:cli/types@0.3.0");
  add_functions(imports.interface("wasi:cli/stdin@0.3.0"), context, for_stdin);
  add_functions(imports.interface("wasi:cli/stdout@0.3.0"), context, for_stdout);
  add_functions(imports.interface("wasi:cli/stderr@0.3.0"), context, for_stderr);
}

}  // namespace crank::wasi
