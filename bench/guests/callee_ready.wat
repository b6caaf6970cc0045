;; f(x) = x + 1, asynchronous by type, returned before the first turn ends.
(component
  (core func $return (canon task.return (result u32)))
  (core module $M
    (import "" "return" (func $return (param i32)))
    (func (export "f") (param i32) (result i32)
      (call $return (i32.add (local.get 0) (i32.const 1)))
      (i32.const 0))
    (func (export "callback") (param i32 i32 i32) (result i32) unreachable))
  (core instance $m (instantiate $M (with "" (instance (export "return" (func $return))))))
  (func $f async (param "x" u32) (result u32) (canon lift (core func $m "f") async (callback (func $m "callback"))))
  (instance $callee (export "f" (func $f)))
  (export "crank:bench/callee" (instance $callee)))
