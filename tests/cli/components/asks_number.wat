;; Imports `measure` as a number.
(component
  (import "lab:device/scale@1.0.0" (instance $scale (export "measure" (func (result u32)))))
  (core func $measure (canon lower (func $scale "measure")))
  (core module $m (import "scale" "measure" (func $measure (result i32))) (func (export "f") (result i32) (call $measure)))
  (core instance $i (instantiate $m (with "scale" (instance (export "measure" (func $measure))))))
  (func (export "weigh") (result u32) (canon lift (core func $i "f"))))
