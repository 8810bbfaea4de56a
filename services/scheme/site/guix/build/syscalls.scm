;;; What services use of Guix's system calls, by the programs that make them.

(define-module (guix build syscalls)
  #:use-module (srfi srfi-1)
  #:use-module (ice-9 rdelim)
  #:export (MS_RDONLY MS_NOSUID MS_NODEV MS_NOEXEC MS_REMOUNT MS_NOATIME MS_BIND MS_MOVE MS_REC
            MS_SHARED MS_LAZYTIME MS_RELATIME MS_STRICTATIME MNT_FORCE MNT_DETACH MNT_EXPIRE
            UMOUNT_NOFOLLOW mount umount mount-points swapon swapoff))

(define MS_RDONLY 1)
(define MS_NOSUID 2)
(define MS_NODEV 4)
(define MS_NOEXEC 8)
(define MS_REMOUNT 32)
(define MS_NOATIME 1024)
(define MS_BIND 4096)
(define MS_MOVE 8192)
(define MS_REC 16384)
(define MS_SHARED 1048576)
(define MS_RELATIME 2097152)
(define MS_STRICTATIME 16777216)
(define MS_LAZYTIME 33554432)
(define MNT_FORCE 1)
(define MNT_DETACH 2)
(define MNT_EXPIRE 4)
(define UMOUNT_NOFOLLOW 8)

(define names
  `((,MS_RDONLY . "ro") (,MS_NOSUID . "nosuid") (,MS_NODEV . "nodev") (,MS_NOEXEC . "noexec")
    (,MS_REMOUNT . "remount") (,MS_NOATIME . "noatime") (,MS_RELATIME . "relatime")
    (,MS_STRICTATIME . "strictatime") (,MS_LAZYTIME . "lazytime")))

(define (run who . command)
  (let ((status (apply system* command)))
    (unless (zero? status)
      (scm-error 'system-error who "~S: ~A" (list (last command) (strerror EIO)) (list EIO)))))

(define* (mount source target type #:optional (flags 0) (options #f) #:key (update-mtab? #f))
  (define set? (lambda (flag) (not (zero? (logand flags flag)))))
  (define chosen
    (append (filter-map (lambda (pair) (and (set? (car pair)) (cdr pair))) names)
            (if (set? MS_BIND) (list (if (set? MS_REC) "rbind" "bind")) '())
            (if options (list options) '())))
  (if (set? MS_MOVE)
      (run "mount" "mount" "--move" source target)
      (apply run "mount"
             `("mount" ,@(if type (list "-t" type) '())
               ,@(if (null? chosen) '() (list "-o" (string-join chosen ",")))
               ,(or source "none") ,target))))

(define* (umount target #:optional (flags 0) #:key (update-mtab? #f))
  (apply run "umount"
         `("umount" ,@(if (zero? (logand flags MNT_DETACH)) '() '("-l"))
           ,@(if (zero? (logand flags MNT_FORCE)) '() '("-f"))
           ,target)))

(define (mount-points)
  (call-with-input-file "/proc/mounts"
    (lambda (port)
      (let loop ((points '()))
        (let ((line (read-line port)))
          (if (eof-object? line)
              (reverse points)
              (loop (cons (second (string-split line #\space)) points))))))))

(define* (swapon device #:optional (flags 0)) (run "swapon" "swapon" device))
(define (swapoff device) (run "swapoff" "swapoff" device))
