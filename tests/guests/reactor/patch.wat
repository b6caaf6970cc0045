;; A module with a contract of its own, driven by a table of names (docs/reactor-abi.md, section 9; patch.json): it starts
;; by `patch_init`, asks twice by `async_request`, takes integers by `patch_resolve`, and is done with their sum.
(module
  (import "env" "async_request" (func $async_request (param i32)))
  (memory (export "memory") 1)
  (global $ready (mut i32) (i32.const 0))
  (global $state (mut i32) (i32.const 0))   ;; 1 started, 2 both asked, 3 the first answer is there, 4 both are, 5 done
  (global $sum (mut i32) (i32.const 0))
  (func (export "patch_init")
    (global.set $state (i32.const 1))
    (global.set $ready (i32.const 1)))
  (func (export "patch_pending") (result i32) (global.get $ready))
  (func (export "patch_done") (result i32) (i32.eq (global.get $state) (i32.const 5)))
  (func (export "patch_result") (result i32) (global.get $sum))
  (func (export "patch_pump") (param $budget i32) (result i32)
    (local $ran i32)
    (loop $next
      (if (i32.and (i32.ne (global.get $ready) (i32.const 0)) (i32.lt_u (local.get $ran) (local.get $budget)))
        (then
          (global.set $ready (i32.sub (global.get $ready) (i32.const 1)))
          (local.set $ran (i32.add (local.get $ran) (i32.const 1)))
          (if (i32.eq (global.get $state) (i32.const 1))
            (then
              (call $async_request (i32.const 11))
              (call $async_request (i32.const 12))
              (global.set $state (i32.const 2)))
            (else
              (if (i32.and (i32.eq (global.get $state) (i32.const 4)) (i32.eqz (global.get $ready)))
                (then (global.set $state (i32.const 5))))))
          (br $next))))
    (local.get $ran))
  (func (export "patch_resolve") (param $token i32) (param $value i32)
    (global.set $sum (i32.add (global.get $sum) (local.get $value)))
    (global.set $state (i32.add (global.get $state) (i32.const 1)))
    (global.set $ready (i32.add (global.get $ready) (i32.const 1)))))
