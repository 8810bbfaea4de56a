;;; SRFI 71: `let' and `let*' that take several values.

(define-module (srfi srfi-71)
  #:use-module ((guile) #:select ((let . plain-let) (letrec . plain-letrec)))
  #:export (uncons unlist unvector values->list values->vector)
  #:export-syntax (let let* letrec))

(define-syntax let
  (syntax-rules ()
    ((_ () body ...) (plain-let () body ...))
    ((_ (binding ...) body ...) (bind-all (binding ...) () body ...))
    ((_ name (binding ...) body ...) (plain-let name (binding ...) body ...))))

;; Values are computed first, under other names, and bound together.
(define-syntax bind-all
  (syntax-rules (values)
    ((_ () ((name temporary) ...) body ...)
     (plain-let ((name temporary) ...) body ...))
    ((_ (((values . formals) expression) rest ...) done body ...)
     (bind-formals formals () expression (rest ...) done body ...))
    ((_ ((name expression) rest ...) (pair ...) body ...)
     (plain-let ((temporary expression))
       (bind-all (rest ...) (pair ... (name temporary)) body ...)))
    ((_ ((name names ... expression) rest ...) done body ...)
     (bind-formals (name names ...) () expression (rest ...) done body ...))))

(define-syntax bind-formals
  (syntax-rules ()
    ((_ () ((name temporary) ...) expression rest (pair ...) body ...)
     (call-with-values (lambda () expression)
       (lambda (temporary ...)
         (bind-all rest (pair ... (name temporary) ...) body ...))))
    ((_ (name . names) (bound ...) expression rest done body ...)
     (bind-formals names (bound ... (name temporary)) expression rest done body ...))
    ((_ tail ((name temporary) ...) expression rest (pair ...) body ...)
     (call-with-values (lambda () expression)
       (lambda (temporary ... . remaining)
         (bind-all rest (pair ... (name temporary) ... (tail remaining)) body ...))))))

(define-syntax let*
  (syntax-rules ()
    ((_ () body ...) (plain-let () body ...))
    ((_ (binding rest ...) body ...) (let (binding) (let* (rest ...) body ...)))))

(define-syntax-rule (letrec . rest) (plain-letrec . rest))

(define (uncons pair) (values (car pair) (cdr pair)))
(define (unlist list) (apply values list))
(define (unvector vector) (apply values (vector->list vector)))
(define-syntax-rule (values->list expression)
  (call-with-values (lambda () expression) list))
(define-syntax-rule (values->vector expression)
  (call-with-values (lambda () expression) vector))
