;;; Patterns as templates: `(a ,b . ,c).

(define-module (system base pmatch)
  #:export-syntax (pmatch))

(define-syntax pmatch
  (syntax-rules (else guard)
    ((_ (part ...) clause ...) (let ((value (part ...))) (pmatch value clause ...)))
    ((_ value) #f)
    ((_ value (else body ...)) (let () body ...))
    ((_ value (pattern (guard test ...) body ...) clause ...)
     (let ((next (lambda () (pmatch value clause ...))))
       (ppat value pattern (if (and test ...) (let () body ...) (next)) (next))))
    ((_ value (pattern body ...) clause ...)
     (let ((next (lambda () (pmatch value clause ...))))
       (ppat value pattern (let () body ...) (next))))))

(define-syntax ppat
  (syntax-rules (_ unquote)
    ((ppat value _ yes no) yes)
    ((ppat value (unquote name) yes no) (let ((name value)) yes))
    ((ppat value (first . rest) yes no)
     (if (pair? value)
         (let ((head (car value)) (tail (cdr value)))
           (ppat head first (ppat tail rest yes no) no))
         no))
    ((ppat value datum yes no) (if (equal? value 'datum) yes no))))
