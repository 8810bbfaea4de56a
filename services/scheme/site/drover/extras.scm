;;; What the default environment has beside the library written in Python.

(define-module (drover extras)
  #:export (copy-tree make-object-property load-compiled load-from-path primitive-load-path
            real-part imag-part angle
            make-u8vector u8vector u8vector? u8vector-length u8vector-ref u8vector-set!
            u8vector->list list->u8vector)
  #:export-syntax (false-if-exception))

(define-syntax-rule (false-if-exception body ...)
  (catch #t
    (lambda () body ...)
    (lambda (key . arguments)
      (if (eq? key 'quit) (apply throw key arguments) #f))))

(define (copy-tree tree)
  (cond ((pair? tree) (cons (copy-tree (car tree)) (copy-tree (cdr tree))))
        ((vector? tree) (vector-map copy-tree tree))
        (else tree)))

(define (make-object-property)
  (let ((table (make-hash-table)))
    (make-procedure-with-setter
     (lambda (object) (hashq-ref table object))
     (lambda (object value) (hashq-set! table object value)))))

;; Objects that Guile has compiled are for its virtual machine; their sources do as well.
(define (load-compiled file)
  (let ((source (string-append (if (string-suffix? ".go" file) (string-drop-right file 3) file)
                               ".scm")))
    (cond ((file-exists? source) (primitive-load source))
          ((not (file-exists? file))
           (scm-error 'system-error "load-compiled" "~A: ~S"
                      (list (strerror ENOENT) file) (list ENOENT)))
          (else
           (error "compiled code of Guile cannot be loaded, and its source is not beside it:"
                  file source)))))

(define (primitive-load-path name . rest)
  (let ((file (search-path %load-path name '("" ".scm"))))
    (if file
        (primitive-load file)
        (scm-error 'misc-error "primitive-load-path" "Unable to find file ~S in load path"
                   (list name) #f))))

(define (load-from-path name)
  (primitive-load-path name))

;; There are no complex numbers.
(define (real-part number) (+ number 0))
(define (imag-part number) (* number 0))
(define (angle number) (if (negative? number) 3.141592653589793 0))

(define make-u8vector make-bytevector)
(define (u8vector . numbers) (u8-list->bytevector numbers))
(define u8vector? bytevector?)
(define u8vector-length bytevector-length)
(define u8vector-ref bytevector-u8-ref)
(define u8vector-set! bytevector-u8-set!)
(define u8vector->list bytevector->u8-list)
(define list->u8vector u8-list->bytevector)
