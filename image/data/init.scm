;; The configuration of this machine: every file of services.d, in the order of their names.
;; Each registers services and says which to start; an error in one is reported, and the others
;; are loaded all the same.

(use-modules (ice-9 ftw))

(define directory "/etc/drover/services.d")

(for-each
 (lambda (name)
   (catch #t
     (lambda () (load (string-append directory "/" name)))
     (lambda (key . arguments)
       (format (current-error-port) "~a/~a: ~a ~s~%" directory name key arguments))))
 (or (scandir directory (lambda (name) (string-suffix? ".scm" name))) '()))
