;;; (shepherd comm): talking to a daemon from a configuration or script.
;;; Evaluated the first time a configuration imports the module; every definition is exported but
;;; those whose names begin with an underscore.

(define-record-type <shepherd-command>
  (_make-shepherd-command version action service args directory)
  shepherd-command?
  (version shepherd-command-version)
  (action shepherd-command-action)
  (service shepherd-command-service)
  (args shepherd-command-arguments)
  (directory shepherd-command-directory))

(define* (shepherd-command action service
                           #:key (version '(0)) (arguments '()) (directory (getcwd)))
  (_make-shepherd-command version action service arguments directory))

(define* (open-connection #:optional (file default-socket-file))
  (let ((connection (socket PF_UNIX SOCK_STREAM 0)))
    (catch 'system-error
      (lambda ()
        (connect connection AF_UNIX file)
        connection)
      (lambda (key who pattern arguments errno . rest)
        (close-port connection)
        (throw key who "~A: ~A" (list file (strerror (car errno))) errno)))))

(define* (open-server-socket file #:key false-if-in-use?)
  (define (in-use?)
    (catch 'system-error
      (lambda ()
        (close-port (open-connection file))
        #t)
      (lambda arguments #f)))
  (and (not (and false-if-in-use? (in-use?)))
       (let ((listener (socket PF_UNIX (logior SOCK_STREAM SOCK_NONBLOCK SOCK_CLOEXEC) 0)))
         (catch-system-error (delete-file file))
         (bind listener AF_UNIX file)
         (listen listener 10)
         listener)))

;; The value of one property of a message, an association list in a fixed order.
(define (_message-property message place name)
  (let ((property (and (> (length message) place) (list-ref message place))))
    (and (pair? property) (eq? name (car property)) (list? property) (cdr property))))

(define (read-command port)
  (let ((message (catch #t (lambda () (read port)) (lambda error #f))))
    (and (list? message)
         (= 6 (length message))
         (eq? 'shepherd-command (car message))
         (let ((version (_message-property message 1 'version))
               (action (_message-property message 2 'action))
               (service (_message-property message 3 'service))
               (arguments (_message-property message 4 'arguments))
               (directory (_message-property message 5 'directory)))
           (and (pair? version) (eqv? 0 (car version))
                action service arguments directory
                (list? (car arguments))
                (_make-shepherd-command version (car action) (car service)
                                       (car arguments) (car directory)))))))

(define (write-command command port)
  (write `(shepherd-command (version ,@(shepherd-command-version command))
                            (action ,(shepherd-command-action command))
                            (service ,(shepherd-command-service command))
                            (arguments ,(shepherd-command-arguments command))
                            (directory ,(shepherd-command-directory command)))
         port)
  (force-output port))

(define-record-type <command-reply>
  (command-reply command result error messages)
  command-reply?
  (command command-reply-command)
  (result command-reply-result)
  (error command-reply-error)
  (messages command-reply-messages))

(define (write-reply reply port)
  (write `(reply (version 0)
                 (result ,(result->sexp (command-reply-result reply)))
                 (error ,(command-reply-error reply))
                 (messages ,(command-reply-messages reply)))
         port)
  (force-output port))

(define (report-command-error error)
  (cond ((not error) #t)
        ((and (list? error) (>= (length error) 3) (eq? 'error (car error)))
         (case (caddr error)
           ((service-not-found)
            (report-error (l10n "service '~a' could not be found") (list-ref error 3)))
           ((action-not-found)
            (report-error (l10n "service '~a' does not have an action '~a'")
                          (list-ref error 4) (list-ref error 3)))
           ((action-exception)
            (report-error (l10n "exception caught while executing '~a' on service '~a':")
                          (list-ref error 3) (list-ref error 4))
            (print-exception (current-error-port) #f (list-ref error 5) (list-ref error 6)))
           (else (report-error (l10n "something went wrong: ~s") error))))
        (else (report-error (l10n "something went wrong: ~s") error))))

(define log-output-port (make-parameter (%make-void-port "w")))
(define %current-client-socket (make-parameter #f))
(define %current-logfile-date-format (make-parameter default-logfile-date-format))

(define (make-shepherd-output-port . original)
  ;; The daemon's own port sends what is written to the client and to the log.
  (current-output-port))

(define %current-service-output-port (make-parameter (current-output-port)))

(define (call-with-syslog-port proc)
  (define (write-only file)
    (catch 'system-error
      (lambda () (open file (logior O_WRONLY O_NONBLOCK O_CLOEXEC)))
      (lambda error #f)))
  (define (syslog)
    (let ((connection (socket AF_UNIX (logior SOCK_DGRAM SOCK_CLOEXEC) 0)))
      (catch 'system-error
        (lambda ()
          (connect connection AF_UNIX (system-log-file))
          connection)
        (lambda error
          (close-port connection)
          #f))))
  (let ((port (or (syslog) (write-only "/dev/kmsg") (write-only "/dev/console"))))
    (if port
        (dynamic-wind
          (const #t)
          (lambda () (proc port))
          (lambda () (close-port port)))
        (proc (current-output-port)))))

(define-syntax define-record-type-serializer
  (syntax-rules ()
    ((_ (name (object type)) body ...)
     (_add-serializer! type (lambda (object) body ...)))))
