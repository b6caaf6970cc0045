// A command (wasi:cli/run): does what its first argument says.
//
//     (nothing) or print   arguments and environment, a line each, to stdout
//     cat                  stdin to stdout, to its end; answers ok only when both streams ended well
//     warn TEXT            TEXT to stderr, and nothing to stdout
//     exit N               wasi:cli/exit with that code, after a line on stdout
//     fail                 answers the error case of run
//     clocks               checks both clocks and a wait of 20 ms, and says "clocks ok"
//     random               checks the three random interfaces, and says "random ok"
#include <charconv>
#include <chrono>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "command/command.h"
#include "crank/async/sleep.h"
#include "crank/guest/component.h"

namespace crank::example {
namespace {

struct ByteGlue {
  using Element = std::uint8_t;
  static constexpr auto make = wasi_cli_stdin_stream_u8_new;
  static constexpr auto read = wasi_cli_stdin_stream_u8_read;
  static constexpr auto write = wasi_cli_stdin_stream_u8_write;
  static constexpr auto cancel_read = wasi_cli_stdin_stream_u8_cancel_read;
  static constexpr auto cancel_write = wasi_cli_stdin_stream_u8_cancel_write;
  static constexpr auto drop_readable = wasi_cli_stdin_stream_u8_drop_readable;
  static constexpr auto drop_writable = wasi_cli_stdin_stream_u8_drop_writable;
};
struct InputResult {
  using Element = wasi_cli_stdin_result_void_error_code_t;
  static constexpr auto read = wasi_cli_stdin_future_result_void_error_code_read;
  static constexpr auto cancel_read = wasi_cli_stdin_future_result_void_error_code_cancel_read;
  static constexpr auto drop_readable = wasi_cli_stdin_future_result_void_error_code_drop_readable;
};
struct OutputResult {
  using Element = wasi_cli_stdout_result_void_error_code_t;
  static constexpr auto read = wasi_cli_stdout_future_result_void_error_code_read;
  static constexpr auto cancel_read = wasi_cli_stdout_future_result_void_error_code_cancel_read;
  static constexpr auto drop_readable = wasi_cli_stdout_future_result_void_error_code_drop_readable;
};
struct ErrorResult {
  using Element = wasi_cli_stderr_result_void_error_code_t;
  static constexpr auto read = wasi_cli_stderr_future_result_void_error_code_read;
  static constexpr auto cancel_read = wasi_cli_stderr_future_result_void_error_code_cancel_read;
  static constexpr auto drop_readable = wasi_cli_stderr_future_result_void_error_code_drop_readable;
};

std::span<const std::uint8_t> bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}
std::string_view text_of(const command_string_t& text) { return {reinterpret_cast<const char*>(text.ptr), text.len}; }

Task<bool> print(std::string text) {
  auto [reader, writer] = guest::make_stream<ByteGlue>();
  guest::FutureReader<OutputResult> done(wasi_cli_stdout_write_via_stream(reader.release()));
  bool all = co_await guest::write_all(writer, bytes_of(text));
  writer.close();
  wasi_cli_stdout_result_void_error_code_t result{};
  co_await done.read(result);
  co_return all && !result.is_err;
}

Task<bool> warn(std::string text) {
  auto [reader, writer] = guest::make_stream<ByteGlue>();
  guest::FutureReader<ErrorResult> done(wasi_cli_stderr_write_via_stream(reader.release()));
  bool all = co_await guest::write_all(writer, bytes_of(text));
  writer.close();
  wasi_cli_stderr_result_void_error_code_t result{};
  co_await done.read(result);
  co_return all && !result.is_err;
}

Task<bool> cat() {
  wasi_cli_stdin_tuple2_stream_u8_future_result_void_error_code_t input;
  wasi_cli_stdin_read_via_stream(&input);
  guest::StreamReader<ByteGlue> from(input.f0);
  guest::FutureReader<InputResult> ended(input.f1);
  auto [reader, to] = guest::make_stream<ByteGlue>();
  guest::FutureReader<OutputResult> written(wasi_cli_stdout_write_via_stream(reader.release()));
  std::vector<std::uint8_t> buffer(8 * 1024);
  bool all = true;
  for (guest::Copied got; all && !got.ended && !got.cancelled;) {
    got = co_await from.read(buffer);
    if (got.count) all = co_await guest::write_all(to, std::span(buffer).first(got.count));
  }
  to.close();
  wasi_cli_stdin_result_void_error_code_t read_result{};
  co_await ended.read(read_result);
  wasi_cli_stdout_result_void_error_code_t write_result{};
  co_await written.read(write_result);
  co_return all && !read_result.is_err && !write_result.is_err;
}

Task<bool> clocks() {
  using namespace std::chrono_literals;
  auto before = std::chrono::steady_clock::now();
  auto outcome = co_await sleep_for(20ms);
  auto waited = std::chrono::steady_clock::now() - before;
  wasi_clocks_system_clock_instant_t now;
  wasi_clocks_system_clock_now(&now);
  // 2020-01-01, so that a clock that counts from the start of something is noticed.
  bool fine = outcome == SleepOutcome::elapsed && waited >= 20ms && now.seconds > 1577836800 &&
              now.nanoseconds < 1000000000 && wasi_clocks_monotonic_clock_get_resolution() > 0 &&
              wasi_clocks_system_clock_get_resolution() > 0;
  co_return fine&& co_await print("clocks ok\n");
}

bool all_zero(const command_list_u8_t& bytes) {
  for (std::size_t i = 0; i < bytes.len; ++i)
    if (bytes.ptr[i]) return false;
  return true;
}

Task<bool> random() {
  guest::Heap<command_list_u8_t, command_list_u8_free> secure, insecure, none;
  wasi_random_random_get_random_bytes(32, secure.out());
  wasi_random_insecure_get_insecure_random_bytes(32, insecure.out());
  wasi_random_random_get_random_bytes(0, none.out());
  command_tuple2_u64_u64_t seed;
  wasi_random_insecure_seed_get_insecure_seed(&seed);
  bool fine = secure->len > 0 && secure->len <= 32 && insecure->len > 0 && insecure->len <= 32 && none->len == 0 &&
              !all_zero(*secure) && wasi_random_random_get_random_u64() != wasi_random_random_get_random_u64() &&
              wasi_random_insecure_get_insecure_random_u64() != wasi_random_insecure_get_insecure_random_u64();
  co_return fine&& co_await print("random ok\n");
}

Task<bool> print_all(const command_list_string_t& arguments) {
  std::string text;
  for (std::size_t i = 0; i < arguments.len; ++i)
    text.append("argument ").append(text_of(arguments.ptr[i])).append("\n");
  guest::Heap<command_list_tuple2_string_string_t, command_list_tuple2_string_string_free> environment;
  wasi_cli_environment_get_environment(environment.out());
  for (std::size_t i = 0; i < environment->len; ++i)
    text.append("environment ")
        .append(text_of(environment->ptr[i].f0))
        .append("=")
        .append(text_of(environment->ptr[i].f1))
        .append("\n");
  co_return co_await print(std::move(text));
}

Task<bool> run() {
  guest::Heap<command_list_string_t, command_list_string_free> arguments;
  wasi_cli_environment_get_arguments(arguments.out());
  // A host may or may not pass the program's name first.
  std::size_t at = 0;
  if (arguments->len && text_of(arguments->ptr[0]).ends_with(".wasm")) at = 1;
  auto argument = [&](std::size_t n) {
    return at + n < arguments->len ? text_of(arguments->ptr[at + n]) : std::string_view{};
  };
  auto verb = argument(0);
  if (verb == "cat") co_return co_await cat();
  if (verb == "warn") co_return co_await warn(std::string(argument(1)) + "\n");
  if (verb == "fail") co_return false;
  if (verb == "clocks") co_return co_await clocks();
  if (verb == "random") co_return co_await random();
  if (verb == "exit") {
    std::uint8_t code = 1;
    auto text = argument(1);
    std::from_chars(text.data(), text.data() + text.size(), code);
    bool printed = co_await print("leaving\n");
    if (printed) wasi_cli_exit_exit_with_code(code);
    co_return false;
  }
  co_return co_await print_all(*arguments);
}

}  // namespace
}  // namespace crank::example

std::uint32_t exports_wasi_cli_run_run() {
  return crank::guest::begin_export(crank::example::run(),
                                    [](bool& fine) { exports_wasi_cli_run_run_return({.is_err = !fine}); });
}
std::uint32_t exports_wasi_cli_run_run_callback(command_event_t* event) { return crank::guest::resume_export(*event); }
