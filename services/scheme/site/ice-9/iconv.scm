;;; Strings as bytes and back.

(define-module (ice-9 iconv)
  #:use-module (rnrs bytevectors)
  #:export (string->bytevector bytevector->string call-with-encoded-output-string))

(define (latin-1? encoding) (member (string-upcase encoding) '("ISO-8859-1" "LATIN1" "LATIN-1")))
(define (utf-8? encoding) (member (string-upcase encoding) '("UTF-8" "UTF8" "ASCII" "US-ASCII")))
(define (unknown encoding) (error "this encoding is not available in drover:" encoding))

(define* (string->bytevector string encoding #:optional strategy)
  (cond ((utf-8? encoding) (string->utf8 string))
        ((latin-1? encoding) (u8-list->bytevector (map char->integer (string->list string))))
        (else (unknown encoding))))
(define* (bytevector->string bytes encoding #:optional strategy)
  (cond ((utf-8? encoding) (utf8->string bytes))
        ((latin-1? encoding) (list->string (map integer->char (bytevector->u8-list bytes))))
        (else (unknown encoding))))
(define* (call-with-encoded-output-string encoding procedure #:optional strategy)
  (string->bytevector (call-with-output-string procedure) encoding))
