;;; SRFI 42: eager comprehensions, but for `:parallel' and generators of one's own.

(define-module (srfi srfi-42)
  #:export (ec-generate)
  #:export-syntax (do-ec list-ec append-ec string-ec string-append-ec vector-ec sum-ec product-ec
                   min-ec max-ec any?-ec every?-ec first-ec last-ec fold-ec fold3-ec
                   : :range :real-range :list :vector :string :integers :let :port :char-range
                   :while :until))

(define-syntax define-word
  (syntax-rules ()
    ((_ word ...) (begin (define-syntax word (syntax-rules () ((_ . rest) (outside 'word)))) ...))))
(define (outside word) (error "not inside a comprehension:" word))
(define-word : :range :real-range :list :vector :string :integers :let :port :char-range
             :while :until)

(define-syntax do-ec
  (syntax-rules (nested if not and or begin : :range :real-range :list :vector :string :integers
                 :let :port :char-range :while :until)
    ((_ command) command)
    ((_ (nested qualifier ...) rest ...) (do-ec qualifier ... rest ...))
    ((_ (if test) rest ...) (if test (do-ec rest ...) #f))
    ((_ (not test) rest ...) (if test #f (do-ec rest ...)))
    ((_ (and test ...) rest ...) (if (and test ...) (do-ec rest ...) #f))
    ((_ (or test ...) rest ...) (if (or test ...) (do-ec rest ...) #f))
    ((_ (begin command ...) rest ...) (begin command ... (do-ec rest ...)))
    ((_ (:let name expression) rest ...) (let ((name expression)) (do-ec rest ...)))
    ((_ (:while generator test) rest ...)
     (call-with-escape-continuation
      (lambda (stop) (do-ec generator (if test (do-ec rest ...) (stop #f))))))
    ((_ (:until generator test) rest ...)
     (call-with-escape-continuation
      (lambda (stop) (do-ec generator (begin (do-ec rest ...) (if test (stop #f) #f))))))
    ((_ (: . arguments) rest ...) (generate ec-dispatch arguments (do-ec rest ...)))
    ((_ (:range . arguments) rest ...) (generate ec-range arguments (do-ec rest ...)))
    ((_ (:real-range . arguments) rest ...) (generate ec-range arguments (do-ec rest ...)))
    ((_ (:list . arguments) rest ...) (generate ec-list arguments (do-ec rest ...)))
    ((_ (:vector . arguments) rest ...) (generate ec-vector arguments (do-ec rest ...)))
    ((_ (:string . arguments) rest ...) (generate ec-string arguments (do-ec rest ...)))
    ((_ (:integers . arguments) rest ...) (generate ec-integers arguments (do-ec rest ...)))
    ((_ (:port . arguments) rest ...) (generate ec-port arguments (do-ec rest ...)))
    ((_ (:char-range . arguments) rest ...) (generate ec-characters arguments (do-ec rest ...)))))

(define-syntax generate
  (syntax-rules (index)
    ((_ source (name (index count) argument ...) command)
     (let ((next -1))
       (source (lambda (name) (set! next (+ next 1)) (let ((count next)) command)) argument ...)))
    ((_ source (name argument ...) command)
     (source (lambda (name) command) argument ...))))

(define (ec-range do . arguments)
  (let* ((from (if (null? (cdr arguments)) 0 (car arguments)))
         (to (if (null? (cdr arguments)) (car arguments) (cadr arguments)))
         (step (if (and (pair? (cdr arguments)) (pair? (cddr arguments))) (caddr arguments) 1))
         (more? (if (negative? step) > <)))
    (let loop ((count 0))
      (let ((value (+ from (* count step))))
        (when (more? value to)
          (do value)
          (loop (+ count 1)))))))
(define (ec-list do . lists) (for-each (lambda (list) (for-each do list)) lists))
(define (ec-vector do . vectors)
  (for-each (lambda (vector) (for-each do (vector->list vector))) vectors))
(define (ec-string do . strings)
  (for-each (lambda (string) (for-each do (string->list string))) strings))
(define (ec-integers do) (let loop ((n 0)) (do n) (loop (+ n 1))))
(define* (ec-port do port #:optional (read read))
  (let loop ((datum (read port)))
    (unless (eof-object? datum)
      (do datum)
      (loop (read port)))))
(define (ec-characters do from to)
  (ec-range (lambda (n) (do (integer->char n))) (char->integer from) (+ 1 (char->integer to))))
(define (ec-dispatch do first . rest)
  (apply (cond ((list? first) ec-list)
               ((vector? first) ec-vector)
               ((string? first) ec-string)
               ((number? first) ec-range)
               ((char? first) ec-characters)
               ((port? first) ec-port)
               (else (error "no generator for" first)))
         do first rest))
(define ec-generate ec-dispatch)

(define-syntax-rule (fold3-ec start part ...)
  (fold3-help start () part ...))
(define-syntax fold3-help
  (syntax-rules ()
    ((_ start (qualifier ...) expression first step)
     (let ((result #f) (empty? #t))
       (do-ec qualifier ...
              (let ((value expression))
                (set! result (if empty? (first value) (step value result)))
                (set! empty? #f)))
       (if empty? start result)))
    ((_ start (qualifier ...) part parts ...)
     (fold3-help start (qualifier ... part) parts ...))))
(define-syntax-rule (fold-ec start part ...)
  (fold-help start () part ...))
(define-syntax fold-help
  (syntax-rules ()
    ((_ start (qualifier ...) expression step)
     (let ((result start))
       (do-ec qualifier ... (let ((value expression)) (set! result (step value result))))
       result))
    ((_ start (qualifier ...) part parts ...)
     (fold-help start (qualifier ... part) parts ...))))

(define-syntax-rule (list-ec part ...) (reverse! (fold-ec '() part ... cons)))
(define-syntax-rule (append-ec part ...) (apply append (list-ec part ...)))
(define-syntax-rule (string-ec part ...) (list->string (list-ec part ...)))
(define-syntax-rule (string-append-ec part ...) (string-concatenate (list-ec part ...)))
(define-syntax-rule (vector-ec part ...) (list->vector (list-ec part ...)))
(define-syntax-rule (sum-ec part ...) (fold-ec 0 part ... +))
(define-syntax-rule (product-ec part ...) (fold-ec 1 part ... *))
(define-syntax-rule (min-ec part ...) (apply min (list-ec part ...)))
(define-syntax-rule (max-ec part ...) (apply max (list-ec part ...)))
(define-syntax-rule (last-ec default part ...) (fold-ec default part ... (lambda (value last) value)))
(define-syntax first-ec
  (syntax-rules ()
    ((_ default part ...)
     (call-with-escape-continuation
      (lambda (found) (fold-ec default part ... (lambda (value last) (found value))))))))
(define-syntax any?-ec
  (syntax-rules ()
    ((_ part ...)
     (call-with-escape-continuation
      (lambda (found) (fold-ec #f part ... (lambda (value last) (if value (found #t) #f))))))))
(define-syntax every?-ec
  (syntax-rules ()
    ((_ part ...)
     (call-with-escape-continuation
      (lambda (found) (fold-ec #t part ... (lambda (value last) (if value #t (found #f)))))))))
