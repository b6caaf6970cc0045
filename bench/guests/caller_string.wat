;; run(n): awaits f of a 64-byte string, n times over; answers the sum of one byte of each answer, 57 * n ("9").
(component
  (import "crank:bench/callee-string" (instance $callee
    (export "f" (func async (param "s" string) (result string)))))
  (alias export $callee "f" (func $f))
  (core module $Memory
    (memory (export "memory") 1)
    (data (i32.const 64) "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef")
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
  (core instance $memory (instantiate $Memory))
  (core func $f_lowered (canon lower (func $f) async (memory $memory "memory") (realloc (func $memory "realloc"))))
  (core func $return (canon task.return (result u32)))
  (core module $M
    (import "" "memory" (memory 1))
    (import "" "f" (func $f (param i32 i32 i32) (result i32)))
    (import "" "return" (func $return (param i32)))
    (func (export "run") (param $n i32) (result i32) (local $sum i32)
      (block $end
        (loop $again
          (br_if $end (i32.eqz (local.get $n)))
          (i32.store8 (i32.const 1033) (i32.const 0))
          (if (i32.ne (call $f (i32.const 64) (i32.const 64) (i32.const 16)) (i32.const 2)) (then unreachable))
          (if (i32.ne (i32.load (i32.const 20)) (i32.const 64)) (then unreachable))
          (local.set $sum (i32.add (local.get $sum) (i32.load8_u offset=9 (i32.load (i32.const 16)))))
          (local.set $n (i32.sub (local.get $n) (i32.const 1)))
          (br $again)))
      (call $return (local.get $sum))
      (i32.const 0))
    (func (export "callback") (param i32 i32 i32) (result i32) unreachable))
  (core instance $m (instantiate $M (with "" (instance
    (export "memory" (memory $memory "memory"))
    (export "f" (func $f_lowered))
    (export "return" (func $return))))))
  (func $run async (param "n" u32) (result u32) (canon lift (core func $m "run") async (callback (func $m "callback"))))
  (export "run" (func $run)))
