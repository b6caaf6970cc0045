;; f(x) = x + 1, returned one turn later: the first turn keeps x in the task's context and YIELDs.
(component
  (core func $return (canon task.return (result u32)))
  (core func $get (canon context.get i32 0))
  (core func $set (canon context.set i32 0))
  (core module $M
    (import "" "return" (func $return (param i32)))
    (import "" "get" (func $get (result i32)))
    (import "" "set" (func $set (param i32)))
    (func (export "f") (param i32) (result i32)
      (call $set (local.get 0))
      (i32.const 1))
    (func (export "callback") (param i32 i32 i32) (result i32)
      (call $return (i32.add (call $get) (i32.const 1)))
      (i32.const 0)))
  (core instance $m (instantiate $M (with "" (instance
    (export "return" (func $return))
    (export "get" (func $get))
    (export "set" (func $set))))))
  (func $f async (param "x" u32) (result u32) (canon lift (core func $m "f") async (callback (func $m "callback"))))
  (instance $callee (export "f" (func $f)))
  (export "crank:bench/callee" (instance $callee)))
