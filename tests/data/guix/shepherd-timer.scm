(begin (use-modules (shepherd service timer)) (timer-service (quote (timer)) #:requirement (quote (user-processes))))
