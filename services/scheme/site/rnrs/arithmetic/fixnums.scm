;;; Fixnums of R6RS, which are as wide as Guile's.

(define-module (rnrs arithmetic fixnums)
  #:export (fixnum? fixnum-width least-fixnum greatest-fixnum fx=? fx<? fx>? fx<=? fx>=? fxzero?
            fxpositive? fxnegative? fxodd? fxeven? fxmax fxmin fx+ fx- fx* fxdiv fxmod
            fxdiv-and-mod fxdiv0 fxmod0 fxnot fxand fxior fxxor fxif fxbit-count fxlength
            fxfirst-bit-set fxbit-set? fxarithmetic-shift fxarithmetic-shift-left
            fxarithmetic-shift-right))

(define (fixnum-width) 62)
(define (least-fixnum) (- (expt 2 61)))
(define (greatest-fixnum) (- (expt 2 61) 1))
(define (fixnum? object)
  (and (exact-integer? object) (<= (least-fixnum) object (greatest-fixnum))))

(define (checked who procedure)
  (lambda numbers
    (for-each (lambda (number)
                (unless (fixnum? number)
                  (scm-error 'wrong-type-arg who "Wrong type argument (expecting fixnum): ~S"
                             (list number) (list number))))
              numbers)
    (let ((result (apply procedure numbers)))
      (if (or (boolean? result) (fixnum? result))
          result
          (scm-error 'out-of-range who "Value out of range: ~S" (list result) (list result))))))
(define-syntax-rule (define-checked (name procedure) ...)
  (begin (define name (checked (symbol->string 'name) procedure)) ...))

(define-checked
  (fx=? =) (fx<? <) (fx>? >) (fx<=? <=) (fx>=? >=) (fxzero? zero?) (fxpositive? positive?)
  (fxnegative? negative?) (fxodd? odd?) (fxeven? even?) (fxmax max) (fxmin min) (fx+ +) (fx- -)
  (fx* *) (fxdiv euclidean-quotient) (fxmod euclidean-remainder) (fxdiv0 centered-quotient)
  (fxmod0 centered-remainder) (fxnot lognot) (fxand logand) (fxior logior) (fxxor logxor)
  (fxif (lambda (a b c) (logior (logand a b) (logand (lognot a) c))))
  (fxbit-count logcount) (fxlength integer-length)
  (fxbit-set? (lambda (number index) (logbit? index number)))
  (fxarithmetic-shift ash) (fxarithmetic-shift-left ash)
  (fxarithmetic-shift-right (lambda (number count) (ash number (- count))))
  (fxfirst-bit-set (lambda (number)
                     (if (zero? number)
                         -1
                         (let loop ((index 0)) (if (logbit? index number) index (loop (+ index 1))))))))
(define (fxdiv-and-mod a b) (values (fxdiv a b) (fxmod a b)))
