;; A small system of real programs: what `scripts/demo` starts.
;;
;; It runs unchanged under the GNU Shepherd.  Everything it writes goes below the directory in
;; DROVER_DEMO; its web server listens on DROVER_DEMO_PORT.

(use-modules (shepherd service timer)
             (shepherd support))

(define here (dirname (current-filename)))
(define state (or (getenv "DROVER_DEMO") "/tmp/drover-demo"))
(define port (or (getenv "DROVER_DEMO_PORT") "8080"))
(define python (or (getenv "PYTHON") "python3"))

(define (in-state file)
  (string-append state "/" file))

(define (program name . arguments)
  (append (list python "-I" (string-append here "/programs/" name)) arguments))

(define (unix-endpoint file name)
  (endpoint (make-socket-address AF_UNIX (in-state file)) #:name name))

;; One-shots: done once, before what needs them.

(define directories
  (service '(directories)
    #:documentation "Make the directories that the other services write to."
    #:one-shot? #t
    #:start (lambda ()
              (for-each (lambda (name) (mkdir-p (in-state name)))
                        '("log" "site" "sockets" "store"))
              #t)))

(define content
  (service '(content)
    #:documentation "Write the front page of the web site."
    #:requirement '(directories)
    #:one-shot? #t
    #:start (make-system-constructor
             "echo '<h1>It works</h1><p>Served by a service of drover.</p>' > "
             (in-state "site/index.html"))))

;; A logger in the style of syslogd, and a job in the style of cron that writes to it.

(define logger
  (service '(logger syslog)
    #:documentation "Write what arrives on a datagram socket to a log file."
    #:requirement '(directories)
    #:start (make-forkexec-constructor
             (program "logger" (in-state "sockets/log"))
             #:log-file (in-state "log/messages"))
    #:stop (make-kill-destructor)
    #:respawn? #t))

(define heartbeat
  (service '(heartbeat)
    #:documentation "Log the load of the machine every five seconds."
    #:requirement '(logger)
    #:start (make-timer-constructor
             (calendar-event #:seconds (iota 12 0 5))
             (command (program "log" (in-state "sockets/log") "/proc/loadavg")))
    #:stop (make-timer-destructor)
    #:actions (list timer-trigger-action)))

;; A daemon that goes to the background and writes a PID file; what depends on it.

(define store
  (service '(store)
    #:documentation "Keep keys and values, for clients on a socket."
    #:requirement '(directories)
    #:start (make-forkexec-constructor
             (program "store" (in-state "sockets/store") (in-state "store/pid"))
             #:pid-file (in-state "store/pid"))
    #:stop (make-kill-destructor)
    #:respawn? #t))

(define counter
  (service '(counter)
    #:documentation "Count in the store, once a second."
    #:requirement '(store)
    #:start (make-forkexec-constructor (program "counter" (in-state "sockets/store")))
    #:stop (make-kill-destructor)
    #:respawn? #t))

(define report
  (service '(report)
    #:documentation "Put what the counter counts on the web site, once a second."
    #:requirement '(counter content)
    #:start (make-forkexec-constructor
             (program "report" (in-state "sockets/store") (in-state "site/count.txt")))
    #:stop (make-kill-destructor)
    #:respawn? #t))

(define web
  (service '(web http)
    #:documentation "Serve the web site on the loopback interface."
    #:requirement '(content logger)
    #:start (make-forkexec-constructor
             (list python "-m" "http.server" "--bind" "127.0.0.1" port)
             #:directory (in-state "site")
             #:log-file (in-state "log/web"))
    #:stop (make-kill-destructor)
    #:respawn? #t))

;; Services that are started by their clients.

(define echo
  (service '(echo)
    #:documentation "Send back what is sent; one process for each connection."
    #:requirement '(directories)
    #:start (make-inetd-constructor '("cat") (list (unix-endpoint "sockets/echo" "echo")))
    #:stop (make-inetd-destructor)))

(define greeter
  (service '(greeter)
    #:documentation "Greet clients; started when the first one comes."
    #:requirement '(directories)
    #:start (make-systemd-constructor (program "greeter")
                                      (list (unix-endpoint "sockets/greeter" "greeter")))
    #:stop (make-systemd-destructor)))

;; What goes wrong is part of life.

(define flaky
  (service '(flaky)
    #:documentation "Crash after a while, and be started again."
    #:start (make-forkexec-constructor
             '("sh" "-c" "echo 'I shall crash'; sleep 2; kill -SEGV $$"))
    #:stop (make-kill-destructor)
    #:respawn? #t
    #:respawn-delay 1
    #:respawn-limit '(5 . 7)))

(define everything
  (service '(everything)
    #:documentation "Stand for the whole system."
    ;; Not `flaky': at a bad moment, starting the rest would fail with it.
    #:requirement '(web heartbeat report echo greeter)
    #:start (lambda ()
              (display "The system is up.\n")
              #t)
    #:stop (const #f)))

(register-services
 (list directories content logger heartbeat store counter report web echo greeter flaky
       everything))

(start-in-the-background '(everything flaky))
