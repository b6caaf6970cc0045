;; Seed of corpus/decode/imports.wasm: wasm-tools parse
(component
  (import "m" (core module $m (import "a" "f" (func)) (export "g" (func (param i32) (result i32)))))
  (import "c" (component $c (import "x" (func)) (export "y" (func))))
  (import "x" (func $x))
  (core func $x' (canon lower (func $x)))
  (core instance $i (instantiate $m (with "a" (instance (export "f" (func $x'))))))
  (instance $ci (instantiate $c (with "x" (func $x))))
  (func (export "f") (param "n" u32) (result u32) (canon lift (core func $i "g")))
  (export "y" (func $ci "y"))
  (export "m2" (core module $m))
  (export "c2" (component $c))
)
