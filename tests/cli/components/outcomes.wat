;; Exports that end in each way: a value, an error, a trap, never.
(component
  (core module $m
    (memory (export "memory") 1)
    (func (export "add") (param i32 i32) (result i32) (i32.add (local.get 0) (local.get 1)))
    (func (export "fails") (result i32) (i32.store8 (i32.const 0) (i32.const 1)) (i32.store (i32.const 4) (i32.const 7)) (i32.const 0))
    (func (export "traps") (result i32) (unreachable))
    (func (export "loops") (result i32) (loop (br 0)) (i32.const 0))
    (func (export "overflows") (result i32) (call 4)))
  (core instance $i (instantiate $m))
  (alias core export $i "memory" (core memory $memory))
  (func (export "add") (param "a" u32) (param "b" u32) (result u32) (canon lift (core func $i "add")))
  (func (export "fails") (result (result u32 (error u32))) (canon lift (core func $i "fails") (memory $memory)))
  (func (export "traps") (result u32) (canon lift (core func $i "traps")))
  (func (export "loops") (result u32) (canon lift (core func $i "loops")))
  (func (export "overflows") (result u32) (canon lift (core func $i "overflows"))))
