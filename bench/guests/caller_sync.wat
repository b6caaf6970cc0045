;; run(n): x = f(x), n times over, from 0; answers n. The loop is in here, so a host is measured without its own loop.
(component
  (import "crank:bench/callee-sync" (instance $callee
    (export "f" (func (param "x" u32) (result u32)))))
  (alias export $callee "f" (func $f))
  (core func $f_lowered (canon lower (func $f)))
  (core func $return (canon task.return (result u32)))
  (core module $M
    (import "" "f" (func $f (param i32) (result i32)))
    (import "" "return" (func $return (param i32)))
    (func (export "run") (param $n i32) (result i32) (local $x i32)
      (block $end
        (loop $again
          (br_if $end (i32.eqz (local.get $n)))
          (local.set $x (call $f (local.get $x)))
          (local.set $n (i32.sub (local.get $n) (i32.const 1)))
          (br $again)))
      (call $return (local.get $x))
      (i32.const 0))
    (func (export "callback") (param i32 i32 i32) (result i32) unreachable))
  (core instance $m (instantiate $M (with "" (instance
    (export "f" (func $f_lowered))
    (export "return" (func $return))))))
  (func $run async (param "n" u32) (result u32) (canon lift (core func $m "run") async (callback (func $m "callback"))))
  (export "run" (func $run)))
