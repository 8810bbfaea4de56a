;;; How long an expression takes.

(define-module (ice-9 time)
  #:export-syntax (time))

(define (clock) (/ (get-internal-real-time) internal-time-units-per-second 1.0))
(define-syntax-rule (time expression)
  (let* ((began (clock))
         (value expression))
    (format #t "clock ~,2f~%" (- (clock) began))
    value))
