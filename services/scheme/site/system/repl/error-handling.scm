;;; Errors are told, where Guile would let somebody at the console look into them.

(define-module (system repl error-handling)
  #:export (call-with-error-handling)
  #:export-syntax (with-error-handling))

(define* (call-with-error-handling thunk #:key (on-error 'debug) (post-error 'catch)
                                   (pass-keys '(quit)) (report-keys '(stack-overflow out-of-memory))
                                   (trap-handler 'debug))
  (catch #t
    thunk
    (lambda (key . arguments)
      (cond ((or (memq key pass-keys) (eq? on-error 'pass))
             (apply throw key arguments))
            ((procedure? on-error)
             (apply on-error key arguments))
            (else
             (print-exception (current-output-port) #f key arguments)))
      (if (procedure? post-error)
          (apply post-error key arguments)
          #f))))

(define-syntax-rule (with-error-handling body ...)
  (call-with-error-handling (lambda () body ...)))
