;; Imports a function that the host almost has: nearest name and who has it.
(component
  (import "wasi:clocks/monotonic-clock@0.3.0" (instance $clock (export "noww" (func (result u64)))))
  (core func $now (canon lower (func $clock "noww")))
  (core module $m (import "clock" "now" (func $now (result i64))) (func (export "f") (result i64) (call $now)))
  (core instance $i (instantiate $m (with "clock" (instance (export "now" (func $now))))))
  (func (export "f") (result u64) (canon lift (core func $i "f"))))
