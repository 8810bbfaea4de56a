;; The configuration of this machine: the services that bring a Hurd system up, and those of each
;; file in services.d, in the order of their names.  An error in one of these is reported, and the
;; others are loaded all the same.

(use-modules (drover hurd))

(register-services (hurd-services))

(define directory "/etc/drover/services.d")

(define (load-file name)
  (catch #t
    (lambda () (load (string-append directory "/" name)))
    (lambda (key . arguments)
      (format (current-error-port) "~a/~a: ~a ~s~%" directory name key arguments))))

(for-each load-file (file-names directory ".scm"))

(start-in-the-background (boot-targets))
