;; f(n): n rounds of xorshift32 on the processor, then the last value. It never waits.
(component
  (core func $return (canon task.return (result u32)))
  (core module $M
    (import "" "return" (func $return (param i32)))
    (func $burn (param $n i32) (result i32) (local $x i32)
      (local.set $x (i32.const 0x9e3779b9))
      (loop $again
        (local.set $x (i32.xor (local.get $x) (i32.shl (local.get $x) (i32.const 13))))
        (local.set $x (i32.xor (local.get $x) (i32.shr_u (local.get $x) (i32.const 17))))
        (local.set $x (i32.xor (local.get $x) (i32.shl (local.get $x) (i32.const 5))))
        (br_if $again (local.tee $n (i32.sub (local.get $n) (i32.const 1)))))
      (local.get $x))
    (func (export "f") (param i32) (result i32)
      (call $return (call $burn (local.get 0)))
      (i32.const 0))
    (func (export "callback") (param i32 i32 i32) (result i32) unreachable))
  (core instance $m (instantiate $M (with "" (instance (export "return" (func $return))))))
  (func $f async (param "n" u32) (result u32) (canon lift (core func $m "f") async (callback (func $m "callback"))))
  (instance $callee (export "f" (func $f)))
  (export "crank:bench/callee-burn" (instance $callee)))
