;;; SRFI 38: data with shared parts.

(define-module (srfi srfi-38)
  #:export (write-with-shared-structure read-with-shared-structure))

(define* (write-with-shared-structure object #:optional (port (current-output-port)) option)
  (write object port))
(define* (read-with-shared-structure #:optional (port (current-input-port)))
  (read port))
