;; f(x) = x + 1 by a plain function type: no task, no event, only the crossing.
(component
  (core module $M
    (func (export "f") (param i32) (result i32) (i32.add (local.get 0) (i32.const 1))))
  (core instance $m (instantiate $M))
  (func $f (param "x" u32) (result u32) (canon lift (core func $m "f")))
  (instance $callee (export "f" (func $f)))
  (export "crank:bench/callee-sync" (instance $callee)))
