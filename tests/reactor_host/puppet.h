// A guest whose every act is written in its argument: what it asks for, with which numbers, what it answers to resumes. With
// random arguments it tries the edge of the contract; nothing it does may harm its host.
//
//     script = step*     step = operation (1 byte), then six u32
#pragma once

#include <cstring>
#include <span>
#include <string>

#include "crank/async/manual_executor.h"
#include "crank/async/sleep.h"
#include "crank/engine/module.h"
#include "crank/reactor/reactor.h"

namespace crank::reactor::testing {

inline constexpr std::string_view puppet_text = R"((module $puppet
  (import "crank" "complete" (func $complete (param i32 i32 i32 i32)))
  (import "crank" "http" (func $http (param i32 i32 i32 i32 i32)))
  (import "crank" "read" (func $read (param i32 i32 i32)))
  (import "crank" "close" (func $close (param i32)))
  (import "crank" "call" (func $call (param i32 i32 i32 i32 i32 i32)))
  (import "crank" "timer" (func $timer (param i32 i32 i64)))
  (import "crank" "forget" (func $forget (param i32)))
  (import "crank" "now" (func $now (result i64)))
  (import "crank" "log" (func $log (param i32 i32 i32)))
  (import "crank" "trace" (func $trace (param i32 i32 i64)))
  (memory (export "memory") 2 4)
  (data (i32.const 16) "echoGET https://x.test/ \n\nslow")
  (global $at (mut i32) (i32.const 0)) (global $end (mut i32) (i32.const 0)) (global $ready (mut i32) (i32.const 0))
  (global $answer (mut i32) (i32.const 0)) (global $alloc (mut i32) (i32.const 4096)) (global $due (mut i64) (i64.const -1))
  (func (export "crank_version") (result i32) (i32.const 65536))
  (func (export "crank_alloc") (param i32) (result i32) (global.get $alloc))
  (func (export "crank_free") (param i32 i32))
  (func (export "crank_probe") (param i32 i32) (result i32) (i32.const 1))
  (func (export "crank_cancel") (param i32) (result i32) (global.get $answer))
  (func (export "crank_deadline") (result i64) (global.get $due))
  (func (export "crank_describe") (param i32) (result i64) (i64.extend_i32_u (global.get $alloc)))
  (func (export "crank_resume") (param i32 i32 i32 i32) (result i32) (global.set $ready (i32.const 1)) (global.get $answer))
  (func (export "go") (param i32 i32) (result i32)
    (global.set $at (local.get 0)) (global.set $end (i32.add (local.get 0) (local.get 1))) (global.set $ready (i32.const 1)) (i32.const 1))
  (func $word (param $i i32) (result i32) (i32.load (i32.add (i32.add (global.get $at) (i32.const 1)) (i32.mul (local.get $i) (i32.const 4)))))
  (func (export "crank_pump") (param $budget i32) (result i64) (local $op i32)
    (block $out (loop $next
      (br_if $out (i32.gt_u (i32.add (global.get $at) (i32.const 25)) (global.get $end)))
      (local.set $op (i32.and (i32.load8_u (global.get $at)) (i32.const 15)))
      (if (i32.eq (local.get $op) (i32.const 0)) (then (call $complete (call $word (i32.const 0)) (call $word (i32.const 1)) (call $word (i32.const 2)) (call $word (i32.const 3)))))
      (if (i32.eq (local.get $op) (i32.const 1)) (then (call $http (call $word (i32.const 0)) (call $word (i32.const 1)) (call $word (i32.const 2)) (call $word (i32.const 3)) (call $word (i32.const 4)))))
      (if (i32.eq (local.get $op) (i32.const 2)) (then (call $read (call $word (i32.const 0)) (call $word (i32.const 1)) (call $word (i32.const 2)))))
      (if (i32.eq (local.get $op) (i32.const 3)) (then (call $close (call $word (i32.const 0)))))
      (if (i32.eq (local.get $op) (i32.const 4)) (then (call $call (call $word (i32.const 0)) (call $word (i32.const 1)) (call $word (i32.const 2)) (call $word (i32.const 3)) (call $word (i32.const 4)) (call $word (i32.const 5)))))
      (if (i32.eq (local.get $op) (i32.const 5)) (then (call $timer (call $word (i32.const 0)) (call $word (i32.const 1)) (i64.extend_i32_s (call $word (i32.const 2))))))
      (if (i32.eq (local.get $op) (i32.const 6)) (then (call $forget (call $word (i32.const 0)))))
      (if (i32.eq (local.get $op) (i32.const 7)) (then (call $log (call $word (i32.const 0)) (call $word (i32.const 1)) (call $word (i32.const 2)))))
      (if (i32.eq (local.get $op) (i32.const 8)) (then (call $trace (call $word (i32.const 0)) (call $word (i32.const 1)) (i64.const 0))))
      (if (i32.eq (local.get $op) (i32.const 9)) (then (global.set $answer (call $word (i32.const 0)))))
      (if (i32.eq (local.get $op) (i32.const 10)) (then (global.set $alloc (call $word (i32.const 0)))))
      (if (i32.eq (local.get $op) (i32.const 11)) (then (global.set $due (i64.extend_i32_s (call $word (i32.const 0))))))
      (if (i32.eq (local.get $op) (i32.const 12)) (then (drop (memory.grow (i32.const 1)))))
      (if (i32.eq (local.get $op) (i32.const 13)) (then (global.set $ready (call $word (i32.const 0)))
        (global.set $at (i32.add (global.get $at) (i32.const 25))) (return (i64.or (i64.extend_i32_u (call $word (i32.const 1))) (i64.shl (i64.extend_i32_u (global.get $ready)) (i64.const 32))))))
      (if (i32.eq (local.get $op) (i32.const 14)) (then unreachable))
      (global.set $at (i32.add (global.get $at) (i32.const 25)))
      (br $next)))
    (global.set $ready (i32.const 0)) (i64.const 1))))";

/// Plays one script to its end on a clock of its own; says how the call ended.
inline Result<Bytes> play_puppet(std::shared_ptr<engine::Engine> engine, const engine::Module& module,
                                 std::span<const std::uint8_t> script) {
  ManualExecutor manual;
  auto bridges = std::make_shared<Bridges>();
  bridges->add_immediate("echo", [](BridgeRequest& request) -> Result<Bytes> { return request.argument; });
  bridges->add("slow", [](BridgeRequest request) -> Task<Result<Bytes>> {
    std::ignore = co_await sleep_for(std::chrono::microseconds(3));
    co_return std::move(request.argument);
  });
  struct NoHttp final : HttpGate {
    Task<Result<HttpAnswer>> fetch(HttpQuery query) override {
      struct Rest final : HttpBody {
        int left = 3;
        Task<Result<Bytes>> next() override { co_return left-- > 0 ? to_bytes("piece") : Bytes(); }
      };
      HttpAnswer answer{.status = 200, .headers = {}, .body = {}, .rest = {}};
      if (query.in_chunks)
        answer.rest = std::make_unique<Rest>();
      else
        answer.body = to_bytes("{}");
      co_return answer;
    }
  };
  bridges->set_http(std::make_shared<NoHttp>());
  ReactorOptions options{.bridges = bridges, .call_deadline = std::chrono::milliseconds(5)};
  options.limits.pending = 16;
  options.limits.streams = 4;
  options.log = [](LogLevel, std::string_view) {};
  auto reactor = Reactor::open(manual.runtime(), engine, module, std::move(options));
  if (!reactor) return std::unexpected(std::move(reactor).error());
  Bytes bytes(script.size());
  if (!script.empty()) std::memcpy(bytes.data(), script.data(), script.size());
  Result<Bytes> answer = manual.run((*reactor)->call("go", std::move(bytes)));
  std::ignore = manual.run((*reactor)->close());
  reactor->reset();
  manual.run_to_end();
  return answer;
}

}  // namespace crank::reactor::testing
