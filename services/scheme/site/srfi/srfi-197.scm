;;; SRFI 197: pipelines; `_' stands for the value of the step before.

(define-module (srfi srfi-197)
  #:export-syntax (chain chain-and chain-when chain-lambda nest nest-reverse))

(define-syntax chain
  (syntax-rules ()
    ((_ value) value)
    ((_ value (part ...) step ...) (fill value () (part ...) (chain) (step ...)))))

(define-syntax chain-and
  (syntax-rules ()
    ((_ value) value)
    ((_ value (part ...) step ...)
     (let ((before value)) (and before (fill before () (part ...) (chain-and) (step ...)))))))

(define-syntax chain-when
  (syntax-rules ()
    ((_ value) value)
    ((_ value (test (part ...)) step ...)
     (let ((before value))
       (chain-when (if test (fill before () (part ...) (chain) ()) before) step ...)))))

;; Parts are looked at one by one for the first `_'.
(define-syntax fill
  (syntax-rules (_)
    ((fill value (done ...) (_ part ...) (next ...) (step ...))
     (next ... (done ... value part ...) step ...))
    ((fill value (done ...) (first part ...) next steps)
     (fill value (done ... first) (part ...) next steps))
    ((fill value (done ...) () (next ...) (step ...))
     (next ... (begin value (done ...)) step ...))))

(define-syntax-rule (chain-lambda step ...)
  (lambda (value) (chain value step ...)))

(define-syntax nest
  (syntax-rules ()
    ((nest last) last)
    ((nest (part ...) step ...) (fill (nest step ...) () (part ...) (begin) ()))))

(define-syntax nest-reverse
  (syntax-rules ()
    ((nest-reverse first) first)
    ((nest-reverse first (part ...) step ...)
     (nest-reverse (fill first () (part ...) (begin) ()) step ...))))
