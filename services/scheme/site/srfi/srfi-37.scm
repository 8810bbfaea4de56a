;;; SRFI 37: a fold over the arguments of a program.

(define-module (srfi srfi-37)
  #:export (option option? option-names option-required-arg? option-optional-arg?
            option-processor args-fold))

(define-record-type <option>
  (option names required-arg? optional-arg? processor)
  option?
  (names option-names)
  (required-arg? option-required-arg?)
  (optional-arg? option-optional-arg?)
  (processor option-processor))

(define (known name options unrecognized)
  (or (let search ((rest options))
        (cond ((null? rest) #f)
              ((member name (option-names (car rest))) (car rest))
              (else (search (cdr rest)))))
      (option (list name) #f #f unrecognized)))

(define (args-fold arguments options unrecognized operand . seeds)
  (define (apply-option found name argument rest seeds)
    (call-with-values
        (lambda () (apply (option-processor found) found name argument seeds))
      (lambda seeds (scan rest seeds))))

  (define (value-in-next? found rest)
    (and (option-required-arg? found) (pair? rest)))

  (define (long word rest seeds)
    (let* ((equals (string-index word #\=))
           (name (if equals (substring word 0 equals) word))
           (found (known name options unrecognized)))
      (cond (equals
             (apply-option found name (substring word (+ equals 1)) rest seeds))
            ((value-in-next? found rest)
             (apply-option found name (car rest) (cdr rest) seeds))
            (else (apply-option found name #f rest seeds)))))

  (define (short letters rest seeds)
    (let* ((name (string-ref letters 0))
           (more (substring letters 1))
           (found (known name options unrecognized)))
      (cond ((string-null? more)
             (if (value-in-next? found rest)
                 (apply-option found name (car rest) (cdr rest) seeds)
                 (apply-option found name #f rest seeds)))
            ((or (option-required-arg? found) (option-optional-arg? found))
             (apply-option found name more rest seeds))
            (else
             (call-with-values
                 (lambda () (apply (option-processor found) found name #f seeds))
               (lambda seeds (short more rest seeds)))))))

  (define (operands words seeds)
    (if (null? words)
        (apply values seeds)
        (call-with-values (lambda () (apply operand (car words) seeds))
          (lambda seeds (operands (cdr words) seeds)))))

  (define (scan words seeds)
    (cond ((null? words) (apply values seeds))
          ((string=? (car words) "--") (operands (cdr words) seeds))
          ((string-prefix? "--" (car words))
           (long (substring (car words) 2) (cdr words) seeds))
          ((and (string-prefix? "-" (car words)) (> (string-length (car words)) 1))
           (short (substring (car words) 1) (cdr words) seeds))
          (else
           (call-with-values (lambda () (apply operand (car words) seeds))
             (lambda seeds (scan (cdr words) seeds))))))

  (scan arguments seeds))
