;;; Threads are fibers: they take turns, and wait without keeping others from running.

(define-module (ice-9 threads)
  #:export (call-with-new-thread current-thread thread? thread-exited? join-thread cancel-thread
            all-threads yield make-thread
            make-mutex make-recursive-mutex mutex? lock-mutex try-mutex unlock-mutex mutex-owner
            mutex-level mutex-locked? make-condition-variable condition-variable?
            wait-condition-variable signal-condition-variable broadcast-condition-variable
            par-map par-for-each n-par-map n-par-for-each n-for-each-par-map
            current-processor-count total-processor-count)
  #:export-syntax (begin-thread with-mutex monitor parallel letpar))

;; The daemon has fibers; they are looked for when they are needed.
(define (fiber-procedure module name)
  (module-ref (resolve-interface module) name))
(define (new-condition) ((fiber-procedure '(fibers conditions) 'make-condition)))
(define (wait-for condition) ((fiber-procedure '(fibers conditions) 'wait) condition))
(define (signal! condition) ((fiber-procedure '(fibers conditions) 'signal-condition!) condition))

(define-record-type <thread>
  (new-thread done results failure)
  thread?
  (done thread-done)
  (results thread-results set-thread-results!)
  (failure thread-failure set-thread-failure!))

(define main-thread (new-thread #f '() #f))
(define this-thread (make-parameter main-thread))
(define running '())

(define (current-thread) (this-thread))
(define (all-threads) (cons main-thread running))
(define (thread-exited? thread)
  (not (or (eq? thread main-thread) (memq thread running))))

(define* (call-with-new-thread thunk #:optional handler)
  (let ((thread (new-thread (new-condition) '() #f)))
    (set! running (cons thread running))
    ((fiber-procedure '(fibers) 'spawn-fiber)
     (lambda ()
       (catch #t
         (lambda ()
           (call-with-values
               (lambda ()
                 (parameterize ((this-thread thread))
                   (if handler (catch #t thunk handler) (thunk))))
             (lambda results (set-thread-results! thread results))))
         (lambda (key . arguments)
           (set-thread-failure! thread (cons key arguments))))
       (set! running (delq thread running))
       (signal! (thread-done thread))
       (when (thread-failure thread)
         (apply throw (thread-failure thread)))))
    thread))

(define (make-thread procedure . arguments)
  (call-with-new-thread (lambda () (apply procedure arguments))))

(define-syntax-rule (begin-thread body ...)
  (call-with-new-thread (lambda () body ...)))

(define* (join-thread thread #:optional timeout timeout-value)
  (wait-for (thread-done thread))
  (apply values (if (thread-failure thread) '(#f) (thread-results thread))))

(define (cancel-thread thread . values)
  (error "threads cannot be cancelled in drover"))

(define (yield)
  ((fiber-procedure '(fibers) 'sleep) 0)
  #t)

(define-record-type <mutex>
  (new-mutex recursive? owner level waiting)
  mutex?
  (recursive? mutex-recursive?)
  (owner mutex-owner set-mutex-owner!)
  (level mutex-level set-mutex-level!)
  (waiting mutex-waiting set-mutex-waiting!))

(define (make-mutex . flags)
  (new-mutex (and (memq 'recursive flags) #t) #f 0 '()))

(define (make-recursive-mutex)
  (make-mutex 'recursive))

(define (mutex-locked? mutex)
  (> (mutex-level mutex) 0))

(define (take! mutex owner)
  (set-mutex-owner! mutex owner)
  (set-mutex-level! mutex (+ 1 (mutex-level mutex))))

(define (try-mutex mutex)
  (cond ((not (mutex-locked? mutex))
         (take! mutex (current-thread))
         #t)
        ((and (mutex-recursive? mutex) (eq? (mutex-owner mutex) (current-thread)))
         (take! mutex (current-thread))
         #t)
        (else #f)))

(define* (lock-mutex mutex #:optional timeout)
  (unless (try-mutex mutex)
    ;; Whoever unlocks it hands it over.
    (let ((turn (new-condition)))
      (set-mutex-waiting! mutex (append (mutex-waiting mutex) (list (cons (current-thread) turn))))
      (wait-for turn)))
  #t)

(define (unlock-mutex mutex)
  (unless (mutex-locked? mutex)
    (scm-error 'misc-error "unlock-mutex" "mutex not locked" '() #f))
  (set-mutex-level! mutex (- (mutex-level mutex) 1))
  (unless (mutex-locked? mutex)
    (set-mutex-owner! mutex #f)
    (unless (null? (mutex-waiting mutex))
      (let ((next (car (mutex-waiting mutex))))
        (set-mutex-waiting! mutex (cdr (mutex-waiting mutex)))
        (take! mutex (car next))
        (signal! (cdr next)))))
  #t)

(define-syntax-rule (with-mutex mutex body ...)
  (let ((held mutex))
    (dynamic-wind
      (lambda () (lock-mutex held))
      (lambda () body ...)
      (lambda () (unlock-mutex held)))))

(define monitors (make-mutex 'recursive))
(define-syntax-rule (monitor body ...)
  (with-mutex monitors body ...))

(define-record-type <condition-variable>
  (new-condition-variable waiting)
  condition-variable?
  (waiting condition-variable-waiting set-condition-variable-waiting!))

(define (make-condition-variable)
  (new-condition-variable '()))

(define* (wait-condition-variable variable mutex #:optional time)
  (let ((turn (new-condition)))
    (set-condition-variable-waiting! variable
                                     (append (condition-variable-waiting variable) (list turn)))
    (unlock-mutex mutex)
    (wait-for turn)
    (lock-mutex mutex)))

(define (signal-condition-variable variable)
  (let ((waiting (condition-variable-waiting variable)))
    (unless (null? waiting)
      (set-condition-variable-waiting! variable (cdr waiting))
      (signal! (car waiting)))
    #t))

(define (broadcast-condition-variable variable)
  (let ((waiting (condition-variable-waiting variable)))
    (set-condition-variable-waiting! variable '())
    (for-each signal! waiting)
    #t))

;; One processor runs everything, so what is parallel elsewhere is done in order.
(define par-map map)
(define par-for-each for-each)
(define (n-par-map n procedure . lists) (apply map procedure lists))
(define (n-par-for-each n procedure . lists) (apply for-each procedure lists))
(define (n-for-each-par-map n after procedure . lists)
  (for-each after (apply map procedure lists)))
(define-syntax-rule (parallel expression ...) (values expression ...))
(define-syntax-rule (letpar ((name value) ...) body ...) (let ((name value) ...) body ...))
(define (current-processor-count) 1)
(define (total-processor-count) 1)
