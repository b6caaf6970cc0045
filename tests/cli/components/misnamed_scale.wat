;; Exports `measure`, but the name of its interface has a letter too many.
(component
  (core module $m (func (export "f") (result i32) (i32.const 42)))
  (core instance $i (instantiate $m))
  (func $measure (result u32) (canon lift (core func $i "f")))
  (instance $scale (export "measure" (func $measure)))
  (export "lab:device/scales@1.0.0" (instance $scale)))
