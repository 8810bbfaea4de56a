;;; (shepherd support): what configurations use of the Shepherd's support library.
;;; Evaluated the first time a configuration imports the module; every definition is exported but
;;; those whose names begin with an underscore.
;;; What needs the daemon, and what is written in Python, is added in services/api/support.py.

;; Messages

(define-syntax l10n
  (syntax-rules ()
    ((_ message) (gettext message))
    ((_ singular plural count) (ngettext singular plural count))))

(define-syntax local-output
  (syntax-rules ()
    ((_ pattern argument ...)
     (begin
       (format #t pattern argument ...)
       (newline)))))

(define* (display-line message #:optional (port (current-output-port)))
  (display message port)
  (newline port))

(define program-name (make-parameter "shepherd"))

(define (_print-message kind text)
  (format (current-error-port) "~a: ~a: ~a~%" (program-name) kind text))

(define-syntax report-error
  (syntax-rules (l10n)
    ((_ (l10n pattern) argument ...)
     (_print-message (gettext "error") (format #f (gettext pattern) argument ...)))))

(define-syntax report-hint
  (syntax-rules (l10n)
    ((_ (l10n pattern) argument ...)
     (_print-message (gettext "hint") (format #f (gettext pattern) argument ...)))))

(define* (display-version #:optional (name (program-name)))
  (local-output "~a (drover), compatible with ~a ~a" name package-name Version))

(define (initialize-cli)
  (textdomain %gettext-domain)
  (setvbuf (current-output-port) 'line)
  (setvbuf (current-error-port) 'line))

;; Errors

(define-syntax catch-system-error
  (syntax-rules ()
    ((_ body ...)
     (catch 'system-error
       (lambda () body ...)
       (lambda (key . arguments) #f)))))

(define (_call-with-system-error-handling thunk)
  (catch 'system-error
    thunk
    (lambda (key who pattern arguments . rest)
      (report-error (l10n "~a") (apply format #f pattern arguments))
      (quit 1))))

(define-syntax with-system-error-handling
  (syntax-rules ()
    ((_ body ...)
     (_call-with-system-error-handling (lambda () body ...)))))

(define (exception-with-kind-and-args? object)
  ((exception-predicate &exception-with-kind-and-args) object))

;; Checks of arguments

(define (list-predicate good?)
  (lambda (object)
    (and (list? object) (and-map good? object))))

(define list-of-symbols? (list-predicate symbol?))

(define (_check-argument-type holds? predicate name value)
  (unless holds?
    (local-output (l10n "In call to '~a', value ~S of argument '~a' has the wrong type (it should match '~a').")
                  #f value name predicate)
    (throw 'wrong-type-arg #f "Wrong type for argument '~a': ~S" (list name value) (list value))))

(define-syntax check-argument-types
  (syntax-rules ()
    ((_ (predicate argument) ...)
     (begin
       (_check-argument-type (predicate argument) 'predicate 'argument argument)
       ...))))

(define (_assertion-failed place expression)
  (local-output (l10n "~a: Assertion ~s failed.") place expression)
  (throw 'assertion-failed))

;; Lists and ring buffers

(define (at-most count elements)
  (let loop ((count count) (taken '()) (rest elements))
    (if (or (null? rest) (<= count 0))
        (values (reverse taken) rest)
        (loop (- count 1) (cons (car rest) taken) (cdr rest)))))

(define-record-type <ring-buffer>
  (_make-ring-buffer limit elements)
  ring-buffer?
  (limit ring-buffer-limit)
  (elements ring-buffer->list))

(define (ring-buffer size)
  (_make-ring-buffer size '()))

(define (ring-buffer-insert element buffer)
  (let ((limit (ring-buffer-limit buffer)))
    (call-with-values
        (lambda () (at-most limit (cons element (ring-buffer->list buffer))))
      (lambda (kept dropped) (_make-ring-buffer limit kept)))))

;; Control

;; A named let whose loop takes only the variables that change: (loop (y 5)).
(define-syntax let-loop
  (syntax-rules ()
    ((_ loop ((variable value) ...) body ...)
     (let again ((variable value) ...)
       (define-syntax changed
         (syntax-rules (variable ...)
           ((_ variable ((variable new) . rest)) new)
           ...
           ((_ name (other . rest)) (changed name rest))
           ((_ name ()) name)))
       (letrec-syntax ((loop (syntax-rules ()
                               ((_ . changes)
                                (again (changed variable changes) ...)))))
         body ...)))))

(define-syntax with-directory-excursion
  (syntax-rules ()
    ((_ directory body ...)
     (let ((before (getcwd)))
       (dynamic-wind
         (lambda () (chdir directory))
         (lambda () body ...)
         (lambda () (chdir before)))))))

;; Ports and files

(define (buffering port . mode)
  (apply setvbuf port mode)
  port)

(define (non-blocking-port port)
  (fcntl port F_SETFL (logior O_NONBLOCK (fcntl port F_GETFL)))
  port)

(define (blocking-port port)
  (fcntl port F_SETFL (logand (lognot O_NONBLOCK) (fcntl port F_GETFL)))
  port)

(define (with-atomic-file-output file write)
  (let* ((port (mkstemp! (string-append file ".XXXXXX")))
         (temporary (port-filename port)))
    (catch #t
      (lambda ()
        (let ((result (write port)))
          (close-port port)
          (rename-file temporary file)
          result))
      (lambda error
        (catch-system-error (delete-file temporary))
        (apply throw error)))))

(define* (verify-dir directory #:key (secure? #t))
  (when (string=? directory default-socket-dir)
    (catch-system-error (mkdir-p default-socket-dir #o700)))
  (when secure?
    (let ((status (stat directory)))
      (unless (and (= (stat:uid status) (getuid))
                   (= (stat:perms status) #o700))
        (report-error (l10n "~a: socket directory has insecure permissions") directory)
        (exit 1)))))

;; Evaluation

(define primitive-load* primitive-load)

(define (_in-user-module thunk)
  (save-module-excursion
   (lambda ()
     (let ((module (make-fresh-user-module)))
       (module-use! module (resolve-interface '(shepherd service)))
       (set-current-module module)
       (thunk)))))

(define (load-in-user-module file)
  (_in-user-module (lambda () (primitive-load file))))

(define (eval-in-user-module expression)
  (_in-user-module (lambda () (primitive-eval expression))))
