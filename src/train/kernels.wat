;; The arithmetic of optimisers on float32 arrays in one linear memory, four numbers at a time.
;; Arrays begin at multiples of 16 bytes; $bytes is a multiple of 16 and not 0.
;; Only IEEE 754 operations with fixed order: the same bits on every machine.
(module
  (import "train" "memory" (memory 1 65536))

  ;; Sum of squares, added up as float64.
  (func (export "sumOfSquares") (param $x i32) (param $bytes i32) (result f64)
    (local $end i32) (local $v v128) (local $low v128) (local $high v128) (local $d v128)
    (local.set $end (i32.add (local.get $x) (local.get $bytes)))
    (loop $next
      (local.set $v (v128.load (local.get $x)))
      (local.set $d (f64x2.promote_low_f32x4 (local.get $v)))
      (local.set $low (f64x2.add (local.get $low) (f64x2.mul (local.get $d) (local.get $d))))
      (local.set $d (f64x2.promote_low_f32x4
        (i8x16.shuffle 8 9 10 11 12 13 14 15 8 9 10 11 12 13 14 15 (local.get $v) (local.get $v))))
      (local.set $high (f64x2.add (local.get $high) (f64x2.mul (local.get $d) (local.get $d))))
      (br_if $next (i32.lt_u (local.tee $x (i32.add (local.get $x) (i32.const 16))) (local.get $end))))
    (local.set $low (f64x2.add (local.get $low) (local.get $high)))
    (f64.add (f64x2.extract_lane 0 (local.get $low)) (f64x2.extract_lane 1 (local.get $low))))

  ;; y = a y + b x: a running average, a sum of gradients, a scaling.
  (func (export "combine") (param $y i32) (param $x i32) (param $bytes i32) (param $a f32) (param $b f32)
    (local $end i32) (local $va v128) (local $vb v128)
    (local.set $end (i32.add (local.get $y) (local.get $bytes)))
    (local.set $va (f32x4.splat (local.get $a)))
    (local.set $vb (f32x4.splat (local.get $b)))
    (loop $next
      (v128.store (local.get $y) (f32x4.add
        (f32x4.mul (local.get $va) (v128.load (local.get $y)))
        (f32x4.mul (local.get $vb) (v128.load (local.get $x)))))
      (local.set $x (i32.add (local.get $x) (i32.const 16)))
      (br_if $next (i32.lt_u (local.tee $y (i32.add (local.get $y) (i32.const 16))) (local.get $end)))))

  ;; AdamW (Loshchilov & Hutter 2019, algorithm 2) in the order of torch.optim.AdamW:
  ;;   g = scale g;  p = keep p;  m = b1 m + c1 g;  v = b2 v + c2 g²;  p = p − rate m / (√v / root + eps).
  ;; keep = 1 − lr·decay, rate = lr / (1 − β1ᵗ), root = √(1 − β2ᵗ), c = 1 − b.
  ;; Returns the sum of the squares of what was added to p.
  (func (export "adamW") (param $p i32) (param $g i32) (param $m i32) (param $v i32) (param $bytes i32)
    (param $scale f32) (param $keep f32) (param $rate f32) (param $b1 f32) (param $c1 f32) (param $b2 f32)
    (param $c2 f32) (param $root f32) (param $eps f32) (result f64)
    (local $end i32) (local $old v128) (local $new v128) (local $grad v128) (local $first v128) (local $second v128)
    (local $vscale v128) (local $vkeep v128) (local $vrate v128) (local $vb1 v128) (local $vc1 v128)
    (local $vb2 v128) (local $vc2 v128) (local $vroot v128) (local $veps v128)
    (local $d v128) (local $low v128) (local $high v128)
    (local.set $end (i32.add (local.get $p) (local.get $bytes)))
    (local.set $vscale (f32x4.splat (local.get $scale)))
    (local.set $vkeep (f32x4.splat (local.get $keep)))
    (local.set $vrate (f32x4.splat (local.get $rate)))
    (local.set $vb1 (f32x4.splat (local.get $b1)))
    (local.set $vc1 (f32x4.splat (local.get $c1)))
    (local.set $vb2 (f32x4.splat (local.get $b2)))
    (local.set $vc2 (f32x4.splat (local.get $c2)))
    (local.set $vroot (f32x4.splat (local.get $root)))
    (local.set $veps (f32x4.splat (local.get $eps)))
    (loop $next
      (local.set $old (v128.load (local.get $p)))
      (local.set $grad (f32x4.mul (local.get $vscale) (v128.load (local.get $g))))
      (local.set $first (f32x4.add
        (f32x4.mul (local.get $vb1) (v128.load (local.get $m)))
        (f32x4.mul (local.get $vc1) (local.get $grad))))
      (local.set $second (f32x4.add
        (f32x4.mul (local.get $vb2) (v128.load (local.get $v)))
        (f32x4.mul (f32x4.mul (local.get $vc2) (local.get $grad)) (local.get $grad))))
      (v128.store (local.get $m) (local.get $first))
      (v128.store (local.get $v) (local.get $second))
      (local.set $new (f32x4.sub
        (f32x4.mul (local.get $vkeep) (local.get $old))
        (f32x4.div
          (f32x4.mul (local.get $vrate) (local.get $first))
          (f32x4.add (f32x4.div (f32x4.sqrt (local.get $second)) (local.get $vroot)) (local.get $veps)))))
      (v128.store (local.get $p) (local.get $new))
      (local.set $new (f32x4.sub (local.get $new) (local.get $old)))
      (local.set $d (f64x2.promote_low_f32x4 (local.get $new)))
      (local.set $low (f64x2.add (local.get $low) (f64x2.mul (local.get $d) (local.get $d))))
      (local.set $d (f64x2.promote_low_f32x4
        (i8x16.shuffle 8 9 10 11 12 13 14 15 8 9 10 11 12 13 14 15 (local.get $new) (local.get $new))))
      (local.set $high (f64x2.add (local.get $high) (f64x2.mul (local.get $d) (local.get $d))))
      (local.set $g (i32.add (local.get $g) (i32.const 16)))
      (local.set $m (i32.add (local.get $m) (i32.const 16)))
      (local.set $v (i32.add (local.get $v) (i32.const 16)))
      (br_if $next (i32.lt_u (local.tee $p (i32.add (local.get $p) (i32.const 16))) (local.get $end))))
    (local.set $low (f64x2.add (local.get $low) (local.get $high)))
    (f64.add (f64x2.extract_lane 0 (local.get $low)) (f64x2.extract_lane 1 (local.get $low))))

  ;; Momentum (Sutskever et al. 2013) in the form and order of torch.optim.SGD:
  ;;   g = scale g + decay p;  m = momentum m + g;  p = p − rate m, or p − rate (g + momentum m) for Nesterov's form,
  ;; which is  p − rate (direct g + carried m)  with (direct, carried) = (0, 1) or (1, momentum).
  (func (export "sgd") (param $p i32) (param $g i32) (param $m i32) (param $bytes i32)
    (param $scale f32) (param $decay f32) (param $rate f32) (param $momentum f32) (param $direct f32)
    (param $carried f32) (result f64)
    (local $end i32) (local $old v128) (local $new v128) (local $grad v128) (local $first v128)
    (local $vscale v128) (local $vdecay v128) (local $vrate v128) (local $vmomentum v128) (local $vdirect v128)
    (local $vcarried v128) (local $d v128) (local $low v128) (local $high v128)
    (local.set $end (i32.add (local.get $p) (local.get $bytes)))
    (local.set $vscale (f32x4.splat (local.get $scale)))
    (local.set $vdecay (f32x4.splat (local.get $decay)))
    (local.set $vrate (f32x4.splat (local.get $rate)))
    (local.set $vmomentum (f32x4.splat (local.get $momentum)))
    (local.set $vdirect (f32x4.splat (local.get $direct)))
    (local.set $vcarried (f32x4.splat (local.get $carried)))
    (loop $next
      (local.set $old (v128.load (local.get $p)))
      (local.set $grad (f32x4.add
        (f32x4.mul (local.get $vscale) (v128.load (local.get $g)))
        (f32x4.mul (local.get $vdecay) (local.get $old))))
      (local.set $first (f32x4.add
        (f32x4.mul (local.get $vmomentum) (v128.load (local.get $m)))
        (local.get $grad)))
      (v128.store (local.get $m) (local.get $first))
      (local.set $new (f32x4.sub
        (local.get $old)
        (f32x4.mul (local.get $vrate) (f32x4.add
          (f32x4.mul (local.get $vdirect) (local.get $grad))
          (f32x4.mul (local.get $vcarried) (local.get $first))))))
      (v128.store (local.get $p) (local.get $new))
      (local.set $new (f32x4.sub (local.get $new) (local.get $old)))
      (local.set $d (f64x2.promote_low_f32x4 (local.get $new)))
      (local.set $low (f64x2.add (local.get $low) (f64x2.mul (local.get $d) (local.get $d))))
      (local.set $d (f64x2.promote_low_f32x4
        (i8x16.shuffle 8 9 10 11 12 13 14 15 8 9 10 11 12 13 14 15 (local.get $new) (local.get $new))))
      (local.set $high (f64x2.add (local.get $high) (f64x2.mul (local.get $d) (local.get $d))))
      (local.set $g (i32.add (local.get $g) (i32.const 16)))
      (local.set $m (i32.add (local.get $m) (i32.const 16)))
      (br_if $next (i32.lt_u (local.tee $p (i32.add (local.get $p) (i32.const 16))) (local.get $end))))
    (local.set $low (f64x2.add (local.get $low) (local.get $high)))
    (f64.add (f64x2.extract_lane 0 (local.get $low)) (f64x2.extract_lane 1 (local.get $low)))))
