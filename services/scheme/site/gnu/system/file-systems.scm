;;; What is shown of the host's file systems in a container.

(define-module (gnu system file-systems)
  #:export (file-system-mapping? file-system-mapping-source file-system-mapping-target
            file-system-mapping-writable? %store-mapping %network-file-mappings)
  #:export-syntax (file-system-mapping))

(define-record-type <file-system-mapping>
  (make-mapping source target writable?)
  file-system-mapping?
  (source file-system-mapping-source)
  (target file-system-mapping-target)
  (writable? file-system-mapping-writable?))

(define (fields->mapping fields)
  (let ((source (assq-ref fields 'source)))
    (make-mapping source
                  (or (assq-ref fields 'target) source)
                  (assq-ref fields 'writable?))))

;; A field's value may name the fields before it.
(define-syntax-rule (file-system-mapping (field value) ...)
  (let* ((field value) ...)
    (fields->mapping (list (cons 'field field) ...))))

(define %store-mapping
  (make-mapping "/gnu/store" "/gnu/store" #f))

(define %network-file-mappings
  (map (lambda (file) (make-mapping file file #f))
       '("/etc/resolv.conf" "/etc/nsswitch.conf" "/etc/services" "/etc/hosts"
         "/var/run/nscd/socket")))
