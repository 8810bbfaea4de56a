;; Finish, on the first boot, what the image builder could not do without the system itself.

(use-modules (drover hurd))

(register-services
 (list (service '(second-stage)
         #:documentation "Configure the packages that the system was made from, once."
         #:requirement '(user-processes procfs)
         #:one-shot? #t
         #:start (lambda _
                   (or (file-exists? "/var/lib/drover/second-stage/done")
                       (zero? (system* "/var/lib/drover/second-stage/run")))))))

;; A shell that was asked for comes first.
(when (equal? (boot-targets) '(multi-user))
  (start-in-the-background '(second-stage)))
