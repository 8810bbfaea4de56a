;;; Flonums of R6RS.

(define-module (rnrs arithmetic flonums)
  #:export (flonum? real->flonum fixnum->flonum fl=? fl<? fl>? fl<=? fl>=? flinteger? flzero?
            flpositive? flnegative? flodd? fleven? flfinite? flinfinite? flnan? flmax flmin fl+ fl-
            fl* fl/ flabs fldiv flmod fldiv-and-mod flnumerator fldenominator flfloor flceiling
            fltruncate flround flexp fllog flsin flcos fltan flasin flacos flatan flsqrt flexpt))

(define (flonum? object) (and (real? object) (inexact? object)))
(define real->flonum exact->inexact)
(define fixnum->flonum exact->inexact)

(define (checked who procedure)
  (lambda numbers
    (for-each (lambda (number)
                (unless (flonum? number)
                  (scm-error 'wrong-type-arg who "Wrong type argument (expecting flonum): ~S"
                             (list number) (list number))))
              numbers)
    (apply procedure numbers)))
(define-syntax-rule (define-checked (name procedure) ...)
  (begin (define name (checked (symbol->string 'name) procedure)) ...))

(define-checked
  (fl=? =) (fl<? <) (fl>? >) (fl<=? <=) (fl>=? >=) (flinteger? integer?) (flzero? zero?)
  (flpositive? positive?) (flnegative? negative?) (flodd? odd?) (fleven? even?) (flfinite? finite?)
  (flinfinite? inf?) (flnan? nan?) (flmax max) (flmin min) (fl+ +) (fl- -) (fl* *) (fl/ /)
  (flabs abs) (fldiv euclidean-quotient) (flmod euclidean-remainder) (flnumerator numerator)
  (fldenominator denominator) (flfloor floor) (flceiling ceiling) (fltruncate truncate)
  (flround round) (flexp exp) (fllog log) (flsin sin) (flcos cos) (fltan tan) (flasin asin)
  (flacos acos) (flatan atan) (flsqrt sqrt) (flexpt expt))
(define (fldiv-and-mod a b) (values (fldiv a b) (flmod a b)))
