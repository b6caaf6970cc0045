;; run(n): x = await f(x), n times over, from 0; answers n. A call that returns at once costs no turn; one that blocks is
;; waited for in the waitable set.
(component
  (import "crank:bench/callee" (instance $callee
    (export "f" (func async (param "x" u32) (result u32)))))
  (alias export $callee "f" (func $f))
  (core module $Memory (memory (export "memory") 1))
  (core instance $memory (instantiate $Memory))
  (core func $f_lowered (canon lower (func $f) async (memory $memory "memory")))
  (core func $set_new (canon waitable-set.new))
  (core func $set_drop (canon waitable-set.drop))
  (core func $join (canon waitable.join))
  (core func $subtask_drop (canon subtask.drop))
  (core func $return (canon task.return (result u32)))
  (core module $M
    (import "" "memory" (memory 1))
    (import "" "f" (func $f (param i32 i32) (result i32)))
    (import "" "set_new" (func $set_new (result i32)))
    (import "" "set_drop" (func $set_drop (param i32)))
    (import "" "join" (func $join (param i32 i32)))
    (import "" "subtask_drop" (func $subtask_drop (param i32)))
    (import "" "return" (func $return (param i32)))
    (global $left (mut i32) (i32.const 0))
    (global $x (mut i32) (i32.const 0))
    (global $set (mut i32) (i32.const 0))
    (func $wait (result i32) (i32.or (i32.const 2) (i32.shl (global.get $set) (i32.const 4))))
    ;; Calls until one call blocks or none is left; the result of a call lands at 16.
    (func $go_on (result i32) (local $status i32)
      (loop $again
        (if (i32.eqz (global.get $left)) (then
          (call $set_drop (global.get $set))
          (call $return (global.get $x))
          (return (i32.const 0))))
        (global.set $left (i32.sub (global.get $left) (i32.const 1)))
        (local.set $status (call $f (global.get $x) (i32.const 16)))
        (if (i32.eq (local.get $status) (i32.const 2)) (then
          (global.set $x (i32.load (i32.const 16)))
          (br $again))))
      (call $join (i32.shr_u (local.get $status) (i32.const 4)) (global.get $set))
      (call $wait))
    (func (export "run") (param $n i32) (result i32)
      (global.set $left (local.get $n))
      (global.set $x (i32.const 0))
      (global.set $set (call $set_new))
      (call $go_on))
    (func (export "callback") (param $event i32) (param $waitable i32) (param $state i32) (result i32)
      ;; SUBTASK (1) that is RETURNED (2); STARTED only says to wait on.
      (if (i32.and (i32.eq (local.get $event) (i32.const 1)) (i32.eq (local.get $state) (i32.const 2))) (then
        (call $subtask_drop (local.get $waitable))
        (global.set $x (i32.load (i32.const 16)))
        (return (call $go_on))))
      (call $wait)))
  (core instance $m (instantiate $M (with "" (instance
    (export "memory" (memory $memory "memory"))
    (export "f" (func $f_lowered))
    (export "set_new" (func $set_new))
    (export "set_drop" (func $set_drop))
    (export "join" (func $join))
    (export "subtask_drop" (func $subtask_drop))
    (export "return" (func $return))))))
  (func $run async (param "n" u32) (result u32) (canon lift (core func $m "run") async (callback (func $m "callback"))))
  (export "run" (func $run)))
