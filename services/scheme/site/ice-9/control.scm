;;; Prompts that can be left.  What is handed to a handler cannot be entered again.

(define-module (ice-9 control)
  #:export (call-with-prompt abort-to-prompt make-prompt-tag default-prompt-tag abort
            suspendable-continuation?)
  #:export-syntax (% let/ec)
  #:re-export (call-with-escape-continuation call/ec let-escape-continuation))

(define default-prompt-tag (make-parameter (list 'prompt)))
(define prompts (make-parameter '()))

(define* (make-prompt-tag #:optional (stem "prompt"))
  (list stem))

(define (call-with-prompt tag thunk handler)
  (let ((outcome
         (call-with-escape-continuation
          (lambda (leave)
            (call-with-values
                (lambda ()
                  (parameterize ((prompts (acons tag leave (prompts))))
                    (thunk)))
              (lambda results (cons #t results)))))))
    (if (car outcome)
        (apply values (cdr outcome))
        (apply handler cannot-continue (cdr outcome)))))

(define (abort-to-prompt tag . arguments)
  (let ((prompt (assq tag (prompts))))
    (if prompt
        ((cdr prompt) (cons #f arguments))
        (scm-error 'misc-error "abort" "Abort to unknown prompt" '() #f))))

(define (cannot-continue . arguments)
  (error "continuations of prompts are not available in drover"))

(define (abort . arguments)
  (apply abort-to-prompt (default-prompt-tag) arguments))

(define (suspendable-continuation? tag)
  #f)

(define (default-handler k procedure)
  (procedure k))

(define-syntax %
  (syntax-rules ()
    ((_ body) (call-with-prompt (default-prompt-tag) (lambda () body) default-handler))
    ((_ body handler) (call-with-prompt (default-prompt-tag) (lambda () body) handler))
    ((_ tag body handler) (call-with-prompt tag (lambda () body) handler))))
