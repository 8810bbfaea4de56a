;;; There is no compiler to call: what would be compiled is evaluated.

(define-module (system base compile)
  #:export (compile compile-file))

(define* (compile expression #:key (env (current-module)) (from 'scheme) (to 'value) (opts '())
                  #:allow-other-keys)
  (unless (and (eq? from 'scheme) (eq? to 'value))
    (error "drover only evaluates Scheme:" from to))
  (eval expression env))

(define* (compile-file file #:key #:allow-other-keys)
  (error "drover has no compiler; load the source:" file))
