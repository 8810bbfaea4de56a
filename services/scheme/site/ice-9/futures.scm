;;; Futures, computed when they are touched.

(define-module (ice-9 futures)
  #:export (make-future future? touch)
  #:export-syntax (future))

(define-record-type <future>
  (new-future promise)
  future?
  (promise future-promise))

(define (make-future thunk) (new-future (delay (thunk))))
(define (touch future) (force (future-promise future)))
(define-syntax-rule (future expression) (make-future (lambda () expression)))
