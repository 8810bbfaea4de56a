;;; Parts of strings, handed to a procedure.

(define-module (ice-9 string-fun)
  #:re-export (string-replace-substring)
  #:export (split-after-char split-before-char split-discarding-char split-after-char-last
            split-before-char-last split-discarding-char-last split-after-predicate
            split-before-predicate split-discarding-predicate separate-fields-discarding-char
            separate-fields-after-char separate-fields-before-char string-prefix-predicate
            string-prefix=? sans-surrounding-whitespace sans-trailing-whitespace
            sans-leading-whitespace sans-final-newline has-trailing-newline?))

;; The first part ends, and the second begins, so far behind the place; without one the second is
;; empty.
(define (split string index before after return)
  (if index
      (return (substring string 0 (+ index before)) (substring string (+ index after)))
      (return string "")))
(define (split-after-char char string return)
  (split string (string-index string char) 1 1 return))
(define (split-before-char char string return)
  (split string (string-index string char) 0 0 return))
(define (split-discarding-char char string return)
  (split string (string-index string char) 0 1 return))
(define (split-after-char-last char string return)
  (let ((index (string-rindex string char)))
    (split string (or index 0) (if index 1 0) (if index 1 0) return)))
(define (split-before-char-last char string return)
  (split string (or (string-rindex string char) 0) 0 0 return))
(define (split-discarding-char-last char string return)
  (split string (string-rindex string char) 0 1 return))
(define (split-after-predicate predicate string return)
  (split string (string-index string predicate) 1 1 return))
(define (split-before-predicate predicate string return)
  (split string (string-index string predicate) 0 0 return))
(define (split-discarding-predicate predicate string return)
  (split string (string-index string predicate) 0 1 return))

(define (separate-fields-discarding-char char string return)
  (apply return (string-split string char)))
(define (separate-fields-after-char char string return)
  (let* ((fields (string-split string char))
         (ended (map (lambda (field) (string-append field (list->string (list char))))
                     (list-head fields (- (length fields) 1))))
         (last (car (last-pair fields))))
    (apply return (if (string-null? last) ended (append ended (list last))))))
(define (separate-fields-before-char char string return)
  (let ((fields (string-split string char)))
    (apply return (car fields)
           (map (lambda (field) (string-append (list->string (list char)) field)) (cdr fields)))))

(define ((string-prefix-predicate same?) prefix string)
  (and (<= (string-length prefix) (string-length string))
       (same? prefix (substring string 0 (string-length prefix)))))
(define string-prefix=? (string-prefix-predicate string=?))

(define (sans-surrounding-whitespace string) (string-trim-both string))
(define (sans-trailing-whitespace string) (string-trim-right string))
(define (sans-leading-whitespace string) (string-trim string))
(define (has-trailing-newline? string) (string-suffix? "\n" string))
(define (sans-final-newline string)
  (if (has-trailing-newline? string) (string-drop-right string 1) string))
