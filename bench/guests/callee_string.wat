;; f(s) = s, returned before the first turn ends. Its realloc always answers the same place: one string lives at a time.
(component
  (core module $Memory
    (memory (export "memory") 1)
    (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 1024)))
  (core instance $memory (instantiate $Memory))
  (core func $return (canon task.return (result string) (memory $memory "memory")))
  (core module $M
    (import "" "return" (func $return (param i32 i32)))
    (func (export "f") (param i32 i32) (result i32)
      (call $return (local.get 0) (local.get 1))
      (i32.const 0))
    (func (export "callback") (param i32 i32 i32) (result i32) unreachable))
  (core instance $m (instantiate $M (with "" (instance (export "return" (func $return))))))
  (func $f async (param "s" string) (result string)
    (canon lift (core func $m "f") async (callback (func $m "callback")) (memory $memory "memory") (realloc (func $memory "realloc"))))
  (instance $callee (export "f" (func $f)))
  (export "crank:bench/callee-string" (instance $callee)))
