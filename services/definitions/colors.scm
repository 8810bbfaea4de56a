;;; (shepherd colors): text with the colours of a terminal.
;;; Evaluated the first time a configuration imports the module; every definition is exported but
;;; those whose names begin with an underscore.

(define-record-type <color>
  (_make-color names codes)
  color?
  (names _color-names)
  (codes _color-codes))

(set-record-type-printer! <color>
  (lambda (color port)
    (format port "#<color ~a>" (string-join (map symbol->string (_color-names color))))))

;; The codes of ECMA-48's "select graphic rendition".
(define _%codes
  '((CLEAR . "0") (RESET . "0") (BOLD . "1") (DARK . "2") (UNDERLINE . "4") (UNDERSCORE . "4")
    (BLINK . "5") (REVERSE . "6") (CONCEALED . "8")
    (BLACK . "30") (RED . "31") (GREEN . "32") (YELLOW . "33")
    (BLUE . "34") (MAGENTA . "35") (CYAN . "36") (WHITE . "37")
    (ON-BLACK . "40") (ON-RED . "41") (ON-GREEN . "42") (ON-YELLOW . "43")
    (ON-BLUE . "44") (ON-MAGENTA . "45") (ON-CYAN . "46") (ON-WHITE . "47")))

(define (_named-color names)
  (_make-color names
              (map (lambda (name)
                     (or (assq-ref _%codes name) (error "unknown color" name)))
                   names)))

(define-syntax color
  (syntax-rules ()
    ((_ name ...) (_named-color '(name ...)))))

(define (_escape-sequence color)
  (if (null? (_color-codes color))
      ""
      (string-append "\x1b[" (string-join (_color-codes color) ";") "m")))

(define (colorize-string text color)
  (string-append (_escape-sequence color) text (_escape-sequence (_named-color '(RESET)))))

(define (isatty?* port) (isatty? port))

(define (color-output? port)
  (and (not (getenv "NO_COLOR")) (isatty?* port)))

(define (coloring-procedure color)
  (lambda* (text #:optional (port (current-output-port)))
    (if (color-output? port) (colorize-string text color) text)))

(define highlight (coloring-procedure (color BOLD)))
(define highlight/success (coloring-procedure (color BOLD GREEN)))
(define highlight/warn (coloring-procedure (color BOLD MAGENTA)))
(define highlight/error (coloring-procedure (color BOLD RED)))
(define dim (coloring-procedure (color DARK)))

;; The first rule, (regexp . color), that matches colours its match; what is around it is
;; looked at again.
(define (colorize-full-matches rules)
  (lambda (text)
    (let again ((text text))
      (let search ((rest rules))
        (if (null? rest)
            text
            (let ((found (regexp-exec (caar rest) text)))
              (if (and found (not (string-null? (match:substring found))))
                  (string-append (again (match:prefix found))
                                 (colorize-string (match:substring found) (cdar rest))
                                 (again (match:suffix found)))
                  (search (cdr rest)))))))))

;; A rule is (regexp color ...): a colour for each submatch, in order.
(define (_colorize-matches rules)
  (lambda (text)
    (let search ((rest rules))
      (let ((found (and (pair? rest) (regexp-exec (caar rest) text))))
        (cond ((null? rest) text)
              ((not found) (search (cdr rest)))
              (else
               (string-append
                (match:prefix found)
                (string-concatenate
                 (map (lambda (number color)
                        (let ((part (or (match:substring found number) "")))
                          (if color (colorize-string part color) part)))
                      (iota (length (cdar rest)) 1)
                      (cdar rest)))
                (match:suffix found))))))))

(define-syntax _color-rule
  (syntax-rules ()
    ((_ (pattern names ...)) (list (make-regexp pattern) (_color-rule-color names) ...))))

(define-syntax _color-rule-color
  (syntax-rules ()
    ((_ (name ...)) (color name ...))
    ((_ name) (color name))))

(define-syntax color-rules
  (syntax-rules ()
    ((_ rule ...) (_colorize-matches (list (_color-rule rule) ...)))))

(define* (supports-hyperlinks? #:optional (port (current-output-port)))
  (and (isatty?* port) (not (getenv "INSIDE_EMACS"))))

(define (hyperlink uri text)
  (string-append "\x1b]8;;" uri "\x1b\\" text "\x1b]8;;\x1b\\"))

(define* (file-hyperlink file #:optional (text file))
  (hyperlink (string-append "file://" (gethostname) file) text))
