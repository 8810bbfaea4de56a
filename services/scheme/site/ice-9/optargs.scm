;;; Optional arguments and keywords in lists.

(define-module (ice-9 optargs)
  #:export-syntax (let-optional let-optional* let-keywords let-keywords*)
  #:re-export (lambda* define*))

(define-syntax let-optional
  (syntax-rules () ((_ rest bindings body ...) (let-optional* rest bindings body ...))))
(define-syntax let-optional*
  (syntax-rules ()
    ((_ rest (binding ...) body ...)
     (apply (lambda* (#:optional binding ... #:rest others) body ...) rest))))
(define-syntax let-keywords
  (syntax-rules () ((_ . rest) (let-keywords* . rest))))
(define-syntax let-keywords*
  (syntax-rules ()
    ((_ rest #t (binding ...) body ...)
     (apply (lambda* (#:key binding ... #:allow-other-keys) body ...) rest))
    ((_ rest #f (binding ...) body ...)
     (apply (lambda* (#:key binding ...) body ...) rest))))
