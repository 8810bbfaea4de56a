;;; What the default environment has beside the library written in Python.

(define-module (drover extras)
  #:export (copy-tree make-object-property load-compiled load-from-path primitive-load-path
            real-part imag-part angle
            make-u8vector u8vector u8vector? u8vector-length u8vector-ref u8vector-set!
            u8vector->list list->u8vector
            with-continuation-barrier call-with-blocked-asyncs call-with-unblocked-asyncs
            with-fluids* object-properties set-object-properties! object-property set-object-property!
            procedure-property set-procedure-property! symbol-property set-symbol-property!
            char-set-any char-set-every char-set-count char-set-map primitive-fork execl execlp execle
            spawn waitpid dynamic-link dynamic-func dynamic-call dynamic-pointer load-extension)
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

;; Everything runs on one stack, and asynchronous calls do not exist.
(define (with-continuation-barrier thunk) (thunk))
(define (call-with-blocked-asyncs thunk) (thunk))
(define (call-with-unblocked-asyncs thunk) (thunk))

(define (with-fluids* fluids values thunk)
  (if (null? fluids)
      (thunk)
      (with-fluid* (car fluids) (car values)
        (lambda () (with-fluids* (cdr fluids) (cdr values) thunk)))))

;; Properties of objects, by their identity.
(define properties (make-weak-key-hash-table))
(define (object-properties object) (hashq-ref properties object '()))
(define (set-object-properties! object alist) (hashq-set! properties object alist))
(define (object-property object key) (assq-ref (object-properties object) key))
(define (set-object-property! object key value)
  (set-object-properties! object (assq-set! (object-properties object) key value)))
(define (procedure-property procedure key)
  (or (object-property procedure key)
      (case key
        ((name) (procedure-name procedure))
        ((documentation) (procedure-documentation procedure))
        (else #f))))
(define set-procedure-property! set-object-property!)
(define symbol-property object-property)
(define set-symbol-property! set-object-property!)

(define (char-set-any predicate set) (any predicate (char-set->list set)))
(define (char-set-every predicate set) (every predicate (char-set->list set)))
(define (char-set-count predicate set) (count predicate (char-set->list set)))
(define (char-set-map procedure set) (list->char-set (map procedure (char-set->list set))))

;; The daemon is one process with an event loop, which a copy would share.
(define-syntax-rule (define-unavailable instead name ...)
  (begin
    (define (name . arguments)
      (error "not available in drover:" 'name instead))
    ...))
(define-unavailable "use fork+exec-command" primitive-fork execl execlp execle spawn waitpid)
(define-unavailable "there is no foreign-function interface"
  dynamic-link dynamic-func dynamic-call dynamic-pointer load-extension)
