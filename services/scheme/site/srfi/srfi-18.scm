;;; SRFI 18: threads, which are fibers here as those of `(ice-9 threads)'.

(define-module (srfi srfi-18)
  #:use-module ((ice-9 threads) #:prefix guile:)
  #:export (make-thread thread? thread-name thread-start! thread-join! thread-yield! thread-sleep!
            current-thread make-mutex mutex? mutex-name mutex-lock! mutex-unlock!
            make-condition-variable condition-variable? condition-variable-signal!
            condition-variable-broadcast! raise with-exception-handler))

(define raise raise-exception)

(define-record-type <thread>
  (new-thread thunk name started)
  thread?
  (thunk thread-thunk)
  (name thread-name)
  (started thread-started set-thread-started!))

(define* (make-thread thunk #:optional (name #f)) (new-thread thunk name #f))
(define main-thread (new-thread #f 'main #f))
(define this-thread (make-parameter main-thread))
(define (current-thread) (this-thread))
(define (thread-start! thread)
  (set-thread-started! thread
                       (guile:call-with-new-thread
                        (lambda () (parameterize ((this-thread thread)) ((thread-thunk thread))))))
  thread)
(define* (thread-join! thread #:optional timeout value) (guile:join-thread (thread-started thread)))
(define (thread-yield!) (guile:yield))
(define (thread-sleep! seconds) ((module-ref (resolve-interface '(fibers)) 'sleep) seconds))

(define names (make-weak-key-hash-table))
(define* (make-mutex #:optional (name #f))
  (let ((mutex (guile:make-mutex)))
    (hashq-set! names mutex name)
    mutex))
(define mutex? guile:mutex?)
(define (mutex-name mutex) (hashq-ref names mutex))
(define* (mutex-lock! mutex #:optional timeout thread) (guile:lock-mutex mutex))
(define* (mutex-unlock! mutex #:optional variable timeout)
  (if variable
      (begin (guile:wait-condition-variable variable mutex)
             (guile:unlock-mutex mutex))
      (guile:unlock-mutex mutex)))
(define* (make-condition-variable #:optional name) (guile:make-condition-variable))
(define condition-variable? guile:condition-variable?)
(define condition-variable-signal! guile:signal-condition-variable)
(define condition-variable-broadcast! guile:broadcast-condition-variable)
