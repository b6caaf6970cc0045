;; Exports `measure` as a number, of a newer compatible version.
(component
  (core module $m (func (export "f") (result i32) (i32.const 42)))
  (core instance $i (instantiate $m))
  (func $measure (result u32) (canon lift (core func $i "f")))
  (instance $scale (export "measure" (func $measure)))
  (export "lab:device/scale@1.3.0" (instance $scale)))
