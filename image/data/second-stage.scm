;; Finish, on the first boot, what the image builder could not do without the system itself.

(register-services
 (list (service '(second-stage)
         #:documentation "Configure the packages that the system was made from, once."
         #:one-shot? #t
         #:start (lambda _
                   (or (file-exists? "/var/lib/drover/second-stage/done")
                       (zero? (system* "/var/lib/drover/second-stage/run")))))))

(start-in-the-background '(second-stage))
