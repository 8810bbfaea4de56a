;;; SRFI 31: expressions that refer to their own value.

(define-module (srfi srfi-31)
  #:export-syntax (rec))

(define-syntax rec
  (syntax-rules ()
    ((_ (name . formals) body ...) (letrec ((name (lambda formals body ...))) name))
    ((_ name expression) (letrec ((name expression)) name))))
