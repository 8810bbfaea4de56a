;;; What services use of Guix's build utilities.

(define-module (guix build utils)
  #:use-module (srfi srfi-1)
  #:use-module (ice-9 ftw)
  #:use-module (ice-9 regex)
  #:use-module (ice-9 rdelim)
  #:use-module (ice-9 textual-ports)
  #:export (%store-directory store-file-name? strip-store-file-name parent-directory?
            directory-exists? executable-file? symbolic-link? mkdir-p install-file
            make-file-writable copy-recursively delete-file-recursively
            file-name-predicate find-files which invoke invoke/quiet
            invoke-error? invoke-error-program invoke-error-arguments
            invoke-error-exit-status report-invoke-error
            search-path-as-list list->search-path-as-string
            alist-cons-before alist-cons-after alist-replace
            dump-port switch-symlinks call-with-temporary-output-file)
  #:export-syntax (with-directory-excursion substitute* with-atomic-file-replacement))

(define (%store-directory)
  (or (getenv "NIX_STORE") "/gnu/store"))

(define (store-file-name? file)
  (string-prefix? (%store-directory) file))

;; The store's directory, a slash, a hash of 32 letters and a dash.
(define (strip-store-file-name file)
  (let ((beyond (+ 34 (string-length (%store-directory)))))
    (if (and (store-file-name? file) (> (string-length file) beyond))
        (string-drop file beyond)
        file)))

(define (parent-directory? parent file)
  (string-prefix? (string-append (string-trim-right parent #\/) "/") file))

(define (directory-exists? directory)
  (let ((status (stat directory #f)))
    (and status (eq? (stat:type status) 'directory))))

(define (executable-file? file)
  (let ((status (stat file #f)))
    (and status
         (eq? (stat:type status) 'regular)
         (not (zero? (logand (stat:mode status) #o100))))))

(define (symbolic-link? file)
  (eq? (stat:type (lstat file)) 'symlink))

(define (mkdir-p directory)
  (unless (or (string-null? directory) (directory-exists? directory))
    (mkdir-p (dirname directory))
    (catch 'system-error
      (lambda () (mkdir directory))
      (lambda arguments
        (unless (= EEXIST (system-error-errno arguments))
          (apply throw arguments))))))

(define (make-file-writable file)
  (chmod file (logior #o600 (stat:perms (lstat file)))))

(define (install-file file directory)
  (mkdir-p directory)
  (copy-file file (string-append directory "/" (basename file))))

(define (entries directory)
  (or (scandir directory (lambda (name) (not (member name '("." ".."))))) '()))

(define* (copy-recursively source destination
                           #:key (log #f) (follow-symlinks? #f) (keep-mtime? #f)
                           (copy-file copy-file) (keep-permissions? #t) (select? (const #t)))
  (let copy ((source source) (destination destination))
    (let ((status (if follow-symlinks? (stat source) (lstat source))))
      (when (select? source status)
        (when log (format log "`~a' -> `~a'~%" source destination))
        (case (stat:type status)
          ((symlink) (symlink (readlink source) destination))
          ((directory)
           (mkdir-p destination)
           (for-each (lambda (name)
                       (copy (string-append source "/" name)
                             (string-append destination "/" name)))
                     (entries source))
           (when keep-permissions? (chmod destination (stat:perms status))))
          (else
           (copy-file source destination)
           (when keep-permissions? (chmod destination (stat:perms status)))))
        (when (and keep-mtime? (not (eq? (stat:type status) 'symlink)))
          (utime destination (stat:atime status) (stat:mtime status)))))))

(define* (delete-file-recursively directory #:key follow-mounts?)
  (define device (stat:dev (lstat directory)))
  (let delete ((file directory))
    (let ((status (lstat file)))
      (when (or follow-mounts? (= device (stat:dev status)))
        (if (eq? (stat:type status) 'directory)
            (begin
              (for-each (lambda (name) (delete (string-append file "/" name))) (entries file))
              (rmdir file))
            (delete-file file))))))

(define (file-name-predicate pattern)
  (let ((compiled (make-regexp pattern)))
    (lambda (file status) (regexp-exec compiled (basename file)))))

(define* (find-files directory #:optional (predicate (const #t))
                     #:key (stat lstat) directories? fail-on-error?)
  (let ((wanted? (if (procedure? predicate) predicate (file-name-predicate predicate))))
    (define (find file)
      (let ((status (false-if-exception (stat file))))
        (cond ((not status)
               (if fail-on-error? (error "cannot look at" file) '()))
              ((eq? (stat:type status) 'directory)
               (append (if (and directories? (wanted? file status)) (list file) '())
                       (append-map (lambda (name) (find (string-append file "/" name)))
                                   (entries file))))
              ((wanted? file status) (list file))
              (else '()))))
    (if (file-exists? directory) (find directory) '())))

(define (which program)
  (search-path (parse-path (getenv "PATH")) program))

(define-condition-type &invoke-error &error
  invoke-error?
  (program invoke-error-program)
  (arguments invoke-error-arguments)
  (exit-status invoke-error-exit-status)
  (term-signal invoke-error-term-signal)
  (stop-signal invoke-error-stop-signal))

(define (invoke program . arguments)
  (let ((status (apply system* program arguments)))
    (unless (zero? status)
      (raise-exception
       (condition (&invoke-error (program program)
                                 (arguments arguments)
                                 (exit-status (status:exit-val status))
                                 (term-signal (status:term-sig status))
                                 (stop-signal (status:stop-sig status))))))
    #t))

(define invoke/quiet invoke)

(define* (report-invoke-error error #:optional (port (current-error-port)))
  (format port "command~{ ~s~} failed with ~:[signal ~a~;status ~a~]~%"
          (cons (invoke-error-program error) (invoke-error-arguments error))
          (invoke-error-exit-status error)
          (or (invoke-error-exit-status error) (invoke-error-term-signal error))))

(define* (search-path-as-list files directories #:key (type 'directory) pattern)
  (append-map (lambda (directory)
                (filter file-exists?
                        (map (lambda (file) (string-append directory "/" file)) files)))
              directories))

(define (list->search-path-as-string files separator)
  (if separator (string-join files separator) (if (null? files) "" (car files))))

(define* (alist-cons-before reference key value alist #:optional (key=? equal?))
  (let-values (((before after) (break (lambda (pair) (key=? (car pair) reference)) alist)))
    (append before (list (cons key value)) after)))

(define* (alist-cons-after reference key value alist #:optional (key=? equal?))
  (let-values (((before after) (break (lambda (pair) (key=? (car pair) reference)) alist)))
    (append before
            (take after (min 1 (length after)))
            (list (cons key value))
            (drop after (min 1 (length after))))))

(define* (alist-replace key value alist #:optional (key=? equal?))
  (map (lambda (pair) (if (key=? (car pair) key) (cons key value) pair)) alist))

(define* (dump-port in out #:key (buffer-size 16384) (progress #f))
  (let loop ((data (get-string-n in buffer-size)))
    (unless (eof-object? data)
      (put-string out data)
      (loop (get-string-n in buffer-size)))))

(define (switch-symlinks link target)
  (let ((pivot (string-append link ".new")))
    (false-if-exception (delete-file pivot))
    (symlink target pivot)
    (rename-file pivot link)))

(define (call-with-temporary-output-file procedure)
  (let* ((template (string-append (or (getenv "TMPDIR") "/tmp") "/file.XXXXXX"))
         (out (mkstemp template))
         (name (port-filename out)))
    (dynamic-wind
      (const #t)
      (lambda () (procedure name out))
      (lambda ()
        (close-port out)
        (false-if-exception (delete-file name))))))

(define-syntax-rule (with-directory-excursion directory body ...)
  (let ((before (getcwd)))
    (dynamic-wind
      (lambda () (chdir directory))
      (lambda () body ...)
      (lambda () (chdir before)))))

(define (replace-file file procedure)
  (let* ((template (string-append file ".XXXXXX"))
         (out (mkstemp template))
         (name (port-filename out)))
    (call-with-input-file file (lambda (in) (procedure in out)))
    (close-port out)
    (chmod name (stat:perms (stat file)))
    (rename-file name file)))

(define-syntax-rule (with-atomic-file-replacement file procedure)
  (replace-file file procedure))

;; Each line of each file goes through the replacements, in order.
(define (substitute files replacements)
  (define compiled
    (map (lambda (pair) (cons (make-regexp (car pair) regexp/extended) (cdr pair))) replacements))
  (for-each
   (lambda (file)
     (replace-file
      file
      (lambda (in out)
        (let loop ((line (read-line in 'concat)))
          (unless (eof-object? line)
            (display (fold (lambda (pair line)
                             (let ((matches (list-matches (car pair) line)))
                               (if (null? matches) line ((cdr pair) line matches))))
                           line compiled)
                     out)
            (loop (read-line in 'concat)))))))
   (if (list? files) files (list files))))

(define (rewrite line matches procedure)
  (let loop ((matches matches) (start 0) (parts '()))
    (if (null? matches)
        (string-concatenate (reverse (cons (substring line start) parts)))
        (loop (cdr matches)
              (match:end (car matches))
              (cons* (procedure (car matches))
                     (substring line start (match:start (car matches)))
                     parts)))))

(define (group found index)
  (or (match:substring found index) ""))

(define-syntax substitute*
  (syntax-rules ()
    ((_ file ((pattern variable ...) body ...) ...)
     (substitute file
                 (list (substitution pattern (variable ...) body ...) ...)))
    ((_ file clause ...)
     (substitute file (list (clause->substitution clause) ...)))))

(define-syntax clause->substitution
  (syntax-rules ()
    ((_ ((pattern variable ...) body ...)) (substitution pattern (variable ...) body ...))
    ((_ (pattern body ...)) (substitution pattern () body ...))))

(define-syntax substitution
  (syntax-rules ()
    ((_ pattern (variable ...) body ...)
     (cons pattern
           (lambda (line matches)
             (rewrite line matches
                      (lambda (found)
                        (bind-groups found 0 (variable ...) body ...))))))))

(define-syntax bind-groups
  (syntax-rules ()
    ((_ found index () body ...) (let () body ...))
    ((_ found index (variable variables ...) body ...)
     (let ((variable (group found index)))
       (bind-groups found (+ index 1) (variables ...) body ...)))))
