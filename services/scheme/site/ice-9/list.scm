;;; Association lists the other way round.

(define-module (ice-9 list)
  #:export (rassoc rassv rassq))

(define* (rassoc value alist #:optional (same? equal?))
  (find (lambda (pair) (same? value (cdr pair))) alist))
(define (rassv value alist) (rassoc value alist eqv?))
(define (rassq value alist) (rassoc value alist eq?))
