;;; Services in containers of Linux, made with unshare(1), mount(8) and chroot(1).

(define-module (gnu build shepherd)
  #:use-module (gnu system file-systems)
  #:use-module (srfi srfi-1)
  #:export (default-namespaces default-mounts make-forkexec-constructor/container
            fork+exec-command/container))

;; Most daemons talk to the network, and give up their privileges themselves.
(define (default-namespaces . arguments)
  '(mnt pid ipc uts))

(define* (default-mounts #:key (namespaces (default-namespaces)))
  (filter (lambda (mapping) (file-exists? (file-system-mapping-source mapping)))
          (append (map (lambda (file) (file-system-mapping (source file)))
                       '("/etc/passwd" "/etc/group" "/etc/localtime"))
                  (if (memq 'net namespaces) '() %network-file-mappings)
                  (list %store-mapping))))

(define options
  '((mnt "--mount" "--propagation" "private")
    (pid "--pid" "--fork" "--kill-child=TERM")
    (ipc "--ipc") (uts "--uts") (net "--net") (cgroup "--cgroup")
    (user "--user" "--map-root-user")))

;; Its operands: the root directory; mode, source and target of each mapping; "--"; the command.
(define script "\
set -eu
root=$1
shift
mkdir -p \"$root\"
mount -t tmpfs -o mode=755 container \"$root\"
mkdir -p \"$root/proc\" \"$root/sys\" \"$root/dev/shm\" \"$root/tmp\" \"$root/var/run\" \"$root/run\" \"$root/etc\"
chmod 1777 \"$root/tmp\" \"$root/dev/shm\"
mount -t proc proc \"$root/proc\" 2>/dev/null || mount --rbind /proc \"$root/proc\"
mount --rbind /sys \"$root/sys\"
for node in null zero full random urandom tty; do
    : >\"$root/dev/$node\"
    mount --bind \"/dev/$node\" \"$root/dev/$node\"
done
ln -s /proc/self/fd \"$root/dev/fd\"
while [ \"$1\" != -- ]; do
    if [ -d \"$2\" ]; then
        mkdir -p \"$root$3\"
    else
        mkdir -p \"$(dirname \"$root$3\")\"
        [ -e \"$root$3\" ] || : >\"$root$3\"
    fi
    mount --rbind \"$2\" \"$root$3\"
    [ \"$1\" = rw ] || mount -o remount,bind,ro \"$root$3\"
    shift 3
done
shift
exec unshare --root=\"$root\" \"$@\"")

(define (container-command command namespaces mappings user group directory)
  (define unshare (or (search-path (parse-path (getenv "PATH")) "unshare") "unshare"))
  (define account (and user (if (number? user) (getpwuid user) (getpwnam user))))
  (define group-id
    (cond ((number? group) group)
          (group (group:gid (getgrnam group)))
          (else (and account (passwd:gid account)))))
  `(,unshare
    ,@(append-map (lambda (namespace) (or (assq-ref options namespace) '())) namespaces)
    "--" "/bin/sh" "-c" ,script "container"
    ,(string-append "/var/run/containers/" (basename (car command)))
    ,@(append-map (lambda (mapping)
                    (list (if (file-system-mapping-writable? mapping) "rw" "ro")
                          (file-system-mapping-source mapping)
                          (file-system-mapping-target mapping)))
                  mappings)
    "--" ,(string-append "--wd=" directory)
    ,@(if group-id (list (format #f "--setgid=~a" group-id)) '())
    ,@(if account (list (format #f "--setuid=~a" (passwd:uid account))) '())
    "--" ,@command))

(define* (make-forkexec-constructor/container command
                                              #:key
                                              (namespaces (default-namespaces))
                                              (mappings '())
                                              user group (supplementary-groups '())
                                              log-file pid-file (pid-file-timeout 5)
                                              (directory "/")
                                              (environment-variables
                                               (default-environment-variables)))
  (unless (memq 'mnt namespaces)
    (error "a container needs a mount namespace:" namespaces))
  (unless (null? supplementary-groups)
    (error "supplementary groups are not available in containers:" supplementary-groups))
  (lambda arguments
    (let* ((start (make-forkexec-constructor
                   (container-command command namespaces
                                      (append mappings (default-mounts #:namespaces namespaces))
                                      user group directory)
                   #:log-file log-file
                   #:environment-variables environment-variables))
           (process (apply start arguments)))
      (if (or (not process) (not pid-file)
              (wait-for-file process pid-file pid-file-timeout (memq 'pid namespaces)))
          process
          (begin
            (terminate-process (process-id process) SIGTERM)
            #f)))))

;; The PID in the file is one of the container's: that it is there tells that the program is ready.
(define (wait-for-file process file seconds inside?)
  (define pid (number->string (process-id process)))
  (define (inner)
    (if inside?
        (let ((children (string-append "/proc/" pid "/task/" pid "/children")))
          (call-with-input-file children (lambda (port) (object->string (read port)))))
        pid))
  (let loop ((left (* seconds 20)))
    (cond ((false-if-exception
            (file-exists? (string-append "/proc/" (inner) "/root" file)))
           #t)
          ((or (<= left 0) (not (file-exists? (string-append "/proc/" pid)))) #f)
          (else
           (sleep 0.05)
           (loop (- left 1))))))

(define (fork+exec-command/container command . arguments)
  ((apply make-forkexec-constructor/container command arguments)))
