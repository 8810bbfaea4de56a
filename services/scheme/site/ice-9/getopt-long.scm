;;; Options of a program as an association list.

(define-module (ice-9 getopt-long)
  #:use-module (srfi srfi-37)
  #:export (getopt-long option-ref))

(define (property specification name default)
  (let ((found (assq name (cdr specification))))
    (if found (cadr found) default)))

(define (wrong message . irritants)
  (scm-error 'misc-error "getopt-long" message irritants #f))

(define (shown name)
  (if (char? name) (string #\- name) (string-append "--" name)))

(define (specification->option specification)
  (let* ((name (car specification))
         (letter (property specification 'single-char #f))
         (value (property specification 'value #f))
         (valid? (property specification 'predicate (const #t))))
    (option (cons (symbol->string name) (if letter (list letter) '()))
            (eq? value #t)
            (eq? value 'optional)
            (lambda (option used argument found operands)
              (cond ((and (eq? value #t) (not argument))
                     (wrong "option must be specified with argument: ~A" (shown used)))
                    ((and argument (not value))
                     (wrong "option does not support argument: ~A" (shown used)))
                    ((and argument (not (valid? argument)))
                     (wrong "option predicate failed: ~A" (shown used))))
              (values (acons name (or argument #t) found) operands)))))

(define* (getopt-long arguments grammar #:key stop-at-first-non-option)
  (define (first-operand words)
    ;; Nothing beyond the first operand is an option then.
    (let scan ((words words) (before '()))
      (cond ((null? words) (reverse before))
            ((string-prefix? "-" (car words)) (scan (cdr words) (cons (car words) before)))
            (else (append (reverse before) '("--") words)))))

  (call-with-values
      (lambda ()
        (args-fold (if stop-at-first-non-option
                       (first-operand (cdr arguments))
                       (cdr arguments))
                   (map specification->option grammar)
                   (lambda (option used argument found operands)
                     (wrong "no such option: ~A" (shown used)))
                   (lambda (operand found operands) (values found (cons operand operands)))
                   '()
                   '()))
    (lambda (found operands)
      (for-each (lambda (specification)
                  (when (and (property specification 'required? #f)
                             (not (assq (car specification) found)))
                    (wrong "option must be specified: ~A"
                           (shown (symbol->string (car specification))))))
                grammar)
      (acons '() (reverse operands) (reverse found)))))

(define (option-ref options key default)
  (let ((found (assq key options)))
    (if found (cdr found) default)))
