;; Exports `measure` as a float: does not fit asks_number.wat.
(component
  (core module $m (func (export "f") (result f32) (f32.const 1.5)))
  (core instance $i (instantiate $m))
  (func $measure (result f32) (canon lift (core func $i "f")))
  (instance $scale (export "measure" (func $measure)))
  (export "lab:device/scale@1.0.0" (instance $scale)))
