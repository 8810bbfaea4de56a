;;; (drover hurd): the services that bring a GNU/Hurd system up, and take it down.
;;; What runsystem, rc, MAKEDEV and runttys of the Hurd do one after the other is a graph here: a
;;; service names what it needs, and whatever does not need each other starts at the same time.
;;; The steps themselves are in boot/api.py.  `hurd-services' gives them all; a configuration can
;;; leave some out, or register its own under the same name in their place.

;; File systems

(define (root-file-system-service)
  (service '(root-file-system)
    #:documentation "Check the root file system if it needs that, and let it be changed."
    #:start (lambda _
              (check-root-file-system)
              (make-root-writable)
              #t)
    #:stop (lambda _
             (make-root-read-only)
             #f)))

(define (device-nodes-service)
  (service '(device-nodes)
    #:documentation "Make the nodes that no system can do without, if they are missing."
    #:requirement '(root-file-system)
    #:start (lambda _ (make-missing-nodes #t) #t)
    #:stop (const #f)))

(define (all-device-nodes-service)
  ;; Looking at hundreds of nodes takes most of a second, and they are all there but for once.
  (service '(all-device-nodes)
    #:documentation "Make all nodes of /dev and /servers that are missing."
    #:requirement '(device-nodes)
    #:start (lambda _ (make-missing-nodes #f) #t)
    #:stop (const #f)))

(define (swap-service)
  (service '(swap)
    #:documentation "Page memory to the devices that /etc/fstab names."
    #:start (lambda _ (enable-swap) #t)
    #:stop (lambda _
             (disable-swap)
             #f)))

(define (file-systems-service)
  (service '(file-systems)
    #:documentation "Check and mount the file systems of /etc/fstab."
    #:requirement '(root-file-system device-nodes)
    #:start (lambda _
              (check-file-systems)
              (mount-file-systems)
              #t)
    #:stop (lambda _
             (unmount-file-systems)
             #f)))

;; Directories for what does not outlive the machine's run

(define (run-directory-service)
  ;; In emergency mode nothing is touched that is on a disk.
  (define untouched? (eq? (boot-mode) 'emergency))
  (service '(run-directory)
    #:documentation "Empty /run, or put a file system in memory there if the disk is read-only."
    #:requirement (if untouched? '() '(root-file-system))
    #:start (lambda _
              (if (root-writable?)
                  (clean-directory "/run" #t '("/run/mtab" "/run/utmp"))
                  (mount-volatile "/run"))
              (make-directory "/run/lock" #o1777)
              #t)
    #:stop (const #f)))

(define (control-socket-service)
  (service '(control-socket)
    #:documentation "Let herd talk to the service manager."
    #:requirement '(run-directory)
    #:start (lambda _ (open-control-socket))
    #:stop (const #f)))

(define (temporary-files-service)
  (service '(temporary-files)
    #:documentation "Empty /tmp."
    #:requirement '(file-systems)
    #:start (lambda _
              (make-directory "/tmp" #o1777)
              (clean-directory "/tmp" #f '())
              #t)
    #:stop (const #f)))

(define (login-records-service)
  (service '(login-records)
    #:documentation "Begin the records of who is logged in, and of what is mounted."
    #:requirement '(run-directory file-systems)
    #:start (lambda _
              (ensure-link "/run" "/var/run")
              (ensure-file "/var/run/utmp" #o664 "utmp")
              (empty-file "/var/run/utmp")
              (ensure-file "/var/log/wtmp" #o664 "utmp")
              (ensure-link "/proc/mounts" "/run/mtab")
              (record-boot)
              #t)
    #:stop (lambda _
             (record-shutdown)
             #f)))

;; Small things

(define (host-name-service)
  (service '(host-name)
    #:documentation "Give the machine the name in /etc/hostname."
    #:requirement '(root-file-system)
    #:start (lambda _
              (let ((name (read-host-name "/etc/hostname")))
                (when name (set-host-name name))
                #t))
    #:stop (const #f)))

(define (random-seed-service)
  (service '(random-seed)
    #:documentation "Give the random numbers what was kept of them at the last shutdown."
    #:requirement '(root-file-system)
    #:start (lambda _ (restore-random-seed %random-seed-file) #t)
    #:stop (lambda _
             (save-random-seed %random-seed-file)
             #f)))

;; Translators

(define* (translator-service name node command
                             #:key (requirement '()) (documentation #f) (timeout 60)
                             (respawn? #t) (passive? #f) (create? #f))
  "Return a service that keeps COMMAND, a list of words, running as the translator of NODE."
  (service (list name)
    #:documentation (or documentation (string-append "Serve " node " with " (car command) "."))
    #:requirement requirement
    #:start (make-translator-constructor node command
                                         #:timeout timeout #:passive? passive? #:create? create?)
    #:stop (make-translator-destructor node)
    #:respawn? respawn?))

(define (procfs-service)
  ;; Never by a passive record: whoever starts it needs random numbers, and what gives those
  ;; looks at /proc while it starts.
  (translator-service 'procfs "/proc" '("/hurd/procfs" "--compatible")
                      #:documentation "Show processes as files, for ps and its like."))

(define* (networking-service #:key (options #f))
  "Return the service for the Internet protocols.  OPTIONS are those of pfinet, such as
(\"-i\" \"/dev/eth0\" \"-a\" \"10.0.2.15\" \"-g\" \"10.0.2.2\" \"-m\" \"255.255.255.0\"); without
them it is started as the node /servers/socket/2 remembers."
  (define node "/servers/socket/2")
  (define program '("/hurd/pfinet" "-6" "/servers/socket/26"))
  (service '(networking)
    #:documentation "Speak the Internet protocols."
    #:requirement '(device-nodes)
    #:start (lambda _
              (let ((command (if options
                                 (append program options)
                                 (or (translator-record node) program))))
                (stop-service (lookup-service 'loopback))
                (or ((make-translator-constructor node command))
                    (begin
                      ;; Programs of this machine can talk to each other all the same.
                      (unless (equal? command program)
                        (start-in-the-background '(loopback)))
                      #f))))
    #:stop (make-translator-destructor node)
    #:respawn? #t))

(define (loopback-service)
  (translator-service 'loopback "/servers/socket/2" '("/hurd/pfinet" "-6" "/servers/socket/26")
                      #:requirement '(device-nodes)
                      #:documentation "Speak the Internet protocols within this machine, when \
the network cannot be used."))

;; Programs

(define (user-processes-service)
  ;; Everything that runs for users depends on it; so when it stops, they have stopped, and what
  ;; is left is not known to anybody.
  (service '(user-processes)
    #:documentation "When it is stopped, end all processes that are left."
    #:requirement '(file-systems temporary-files login-records control-socket)
    #:start (const #t)
    #:stop (lambda _
             (end-processes)
             #f)))

(define (console-client-service)
  (service '(console)
    #:documentation "Drive screen and keyboard, with several terminals on them."
    #:requirement '(user-processes device-nodes)
    ;; The terminal that is opened first is on the screen, and the gettys race: so tty1's is held open.
    #:start (make-forkexec-constructor
             '("/bin/sh" "-c" "exec \"$@\" 3</dev/vcs/1/console" "sh"
               "/bin/console" "-d" "current_vcs" "-d" "vga" "-d" "pc_kbd" "--repeat=kbd"
               "-d" "generic_speaker" "-c" "/dev/vcs"))
    #:stop (make-kill-destructor)
    #:respawn? #t))

(define* (getty-service terminal #:key (speed "38400") (requirement '()))
  "Return the service that lets people log in at TERMINAL, the name of a node of /dev."
  (service (list (string->symbol (string-append "term-" terminal)))
    #:documentation (string-append "Let people log in at /dev/" terminal ".")
    #:requirement (append '(user-processes host-name) requirement)
    #:start (make-forkexec-constructor
             (list "/libexec/getty" speed terminal)
             #:environment-variables '("PATH=/bin:/sbin:/usr/bin:/usr/sbin" "TERM=mach"))
    ;; A shell that somebody has logged in to pays no heed to SIGTERM.
    #:stop (make-kill-destructor SIGHUP)
    #:respawn? #t
    #:respawn-limit '(10 . 60)))

;; What nobody waits for at the login; the modules of these are imported when they are started.

(define (late-services)
  ;; Its files are closed before the file systems go.
  (list (late-service 'system-log '(device-nodes file-systems))
        (late-service 'log-rotation '(file-systems))
        (late-service 'timer '(user-processes))
        (late-service 'transient '(user-processes))))

(define (ssh-daemon-service)
  (service '(ssh-daemon)
    #:documentation "Let people log in over the network."
    #:requirement '(user-processes networking host-name)
    #:start (make-forkexec-constructor '("/usr/sbin/sshd" "-D" "-e"))
    #:stop (make-kill-destructor)
    #:respawn? #t))

;; Modes

(define (single-user-service)
  (service '(single-user)
    #:documentation "A shell on the console; when it ends the machine goes multi-user."
    #:requirement (if (eq? (boot-mode) 'emergency)
                      '(control-socket)
                      '(control-socket device-nodes))
    #:start (make-console-shell-constructor)
    #:stop (make-kill-destructor SIGHUP)
    #:termination-handler (lambda _
                            (start-in-the-background '(multi-user)))))

(define (multi-user-service requirement others)
  ;; Nobody waits at the login for OTHERS, and nobody is kept out because one of them fails.
  (service '(multi-user)
    #:documentation "All that a machine needs for people to work with it."
    #:requirement requirement
    #:start (lambda _
              (start-in-the-background others)
              #t)
    #:stop (const #f)))

(define (boot-targets)
  "Return the services that the kernel's command line asks for."
  (if (eq? (boot-mode) 'multi-user)
      '(multi-user)
      '(single-user)))

(define* (hurd-services #:key (gettys '("console")) (network-options #f) (networking? #t)
                        (requirement '()) (others '()))
  "Return the services of a Hurd system.  GETTYS are terminals to log in at, NETWORK-OPTIONS
options of pfinet.  Multi-user operation also waits for the services in REQUIREMENT, and starts
OTHERS."
  (define console-client?
    (and (not (serial-console?)) (program-installed? "/bin/console")))
  (define sshd?
    (and networking? (program-installed? "/usr/sbin/sshd")))
  (define logins
    (append (map getty-service gettys)
            (if console-client?
                (map (lambda (name) (getty-service name #:requirement '(console)))
                     '("tty1" "tty2" "tty3"))
                '())))
  (define late (late-services))
  (define optional
    (append (list (procfs-service) (swap-service) (random-seed-service)
                  (all-device-nodes-service))
            (if networking? (list (networking-service #:options network-options)) '())
            (if sshd? (list (ssh-daemon-service)) '())))
  (append
   (list (root-file-system-service) (device-nodes-service) (file-systems-service)
         (run-directory-service) (control-socket-service) (temporary-files-service)
         (login-records-service) (host-name-service) (user-processes-service)
         (single-user-service)
         (multi-user-service
          (append (map service-canonical-name logins) requirement)
          (append (map service-canonical-name late) (map service-canonical-name optional)
                  others)))
   late
   (if networking? (list (loopback-service)) '())
   (if console-client? (list (console-client-service)) '())
   logins
   optional))
