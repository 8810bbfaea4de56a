;; Reads expressions, one a line, and writes each with what Guile makes of it:
;;   guile --no-auto-compile record.scm < expressions.txt > recorded.txt
;; Lines that start with ";" are copied; (use-modules ...) takes effect and is copied too.
(use-modules (ice-9 rdelim))
(define (run line)
  (catch #t
    (lambda ()
      (call-with-values
          (lambda () (eval (call-with-input-string line read) (current-module)))
        (case-lambda
          ((value) (write value))
          (values (display "values: ") (write values)))))
    (lambda args (display "ERR ") (write args))))
(let loop ((line (read-line)))
  (unless (eof-object? line)
    (display line)
    (unless (or (string-null? line) (string-prefix? ";" line))
      (display "\t")
      (run line))
    (newline)
    (loop (read-line))))
