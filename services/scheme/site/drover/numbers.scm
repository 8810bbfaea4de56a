;;; Integers as bits and bytes, and the rest of R6RS's arithmetic.

(define-module (drover numbers)
  #:export (bitwise-if bitwise-merge any-bits-set? copy-bit copy-bit-field integer->list
            list->integer booleans->integer rotate-bit-field reverse-bit-field bitwise-bit-set?
            bitwise-copy-bit bitwise-bit-field bitwise-copy-bit-field bitwise-rotate-bit-field
            bitwise-reverse-bit-field div0 mod0 div0-and-mod0 infinite? integer-valued?
            rational-valued? real-valued? bytevector-uint-ref bytevector-uint-set!
            bytevector-sint-ref bytevector-sint-set! bytevector->uint-list bytevector->sint-list
            uint-list->bytevector sint-list->bytevector))

(define (bitwise-if mask one two) (logior (logand mask one) (logand (lognot mask) two)))
(define bitwise-merge bitwise-if)
(define (any-bits-set? one two) (logtest one two))
(define (field-mask start end) (ash (lognot (ash -1 (- end start))) start))
(define (copy-bit index number bit)
  (if bit (logior number (ash 1 index)) (logand number (lognot (ash 1 index)))))
(define (copy-bit-field to from start end)
  (bitwise-if (field-mask start end) (ash from start) to))
(define (bitwise-bit-set? number index) (logbit? index number))
(define (bitwise-copy-bit number index bit) (copy-bit index number (not (zero? bit))))
(define (bitwise-bit-field number start end)
  (ash (logand number (field-mask start end)) (- start)))
(define (bitwise-copy-bit-field to start end from) (copy-bit-field to from start end))
(define (rotate-bit-field number count start end)
  (let ((width (- end start)))
    (if (zero? width)
        number
        (let* ((count (modulo count width))
               (field (bitwise-bit-field number start end)))
          (copy-bit-field number
                          (logior (ash field count) (ash field (- count width)))
                          start end)))))
(define (bitwise-rotate-bit-field number start end count)
  (rotate-bit-field number count start end))
(define* (integer->list number #:optional (length (integer-length number)))
  (map (lambda (index) (logbit? index number)) (reverse (iota length))))
(define (list->integer bits)
  (fold (lambda (bit number) (+ (* 2 number) (if bit 1 0))) 0 bits))
(define (booleans->integer . bits) (list->integer bits))
(define (reverse-bit-field number start end)
  (copy-bit-field number
                  (list->integer
                   (reverse (integer->list (bitwise-bit-field number start end) (- end start))))
                  start end))
(define (bitwise-reverse-bit-field number start end) (reverse-bit-field number start end))

(define div0 centered-quotient)
(define mod0 centered-remainder)
(define (div0-and-mod0 a b) (values (div0 a b) (mod0 a b)))
(define (infinite? number) (inf? number))
(define (real-valued? object) (real? object))
(define (rational-valued? object) (rational? object))
(define (integer-valued? object) (integer? object))

(define (bytes-of bytes index endianness size)
  (let ((found (map (lambda (offset) (bytevector-u8-ref bytes (+ index offset))) (iota size))))
    (if (eq? endianness 'big) found (reverse found))))
(define (bytevector-uint-ref bytes index endianness size)
  (fold (lambda (byte number) (+ (* 256 number) byte)) 0 (bytes-of bytes index endianness size)))
(define (bytevector-sint-ref bytes index endianness size)
  (let ((number (bytevector-uint-ref bytes index endianness size)))
    (if (logbit? (- (* 8 size) 1) number) (- number (expt 256 size)) number)))
(define (set-number! bytes index number endianness size)
  (for-each (lambda (offset)
              (bytevector-u8-set! bytes
                                  (+ index (if (eq? endianness 'big) (- size 1 offset) offset))
                                  (logand 255 (ash number (* -8 offset)))))
            (iota size)))
(define (checked-set who low high)
  (lambda (bytes index number endianness size)
    (unless (and (>= number (low size)) (< number (high size)))
      (scm-error 'out-of-range who "Value out of range: ~S" (list number) (list number)))
    (set-number! bytes index number endianness size)))
(define bytevector-uint-set!
  (checked-set "bytevector-uint-set!" (const 0) (lambda (size) (expt 256 size))))
(define bytevector-sint-set!
  (checked-set "bytevector-sint-set!"
               (lambda (size) (- (/ (expt 256 size) 2)))
               (lambda (size) (/ (expt 256 size) 2))))
(define (each-number ref)
  (lambda (bytes endianness size)
    (map (lambda (n) (ref bytes (* n size) endianness size))
         (iota (quotient (bytevector-length bytes) size)))))
(define bytevector->uint-list (each-number bytevector-uint-ref))
(define bytevector->sint-list (each-number bytevector-sint-ref))
(define (from-numbers store!)
  (lambda (numbers endianness size)
    (let ((bytes (make-bytevector (* size (length numbers)))))
      (for-each (lambda (number n) (store! bytes (* n size) number endianness size))
                numbers (iota (length numbers)))
      bytes)))
(define uint-list->bytevector (from-numbers bytevector-uint-set!))
(define sint-list->bytevector (from-numbers bytevector-sint-set!))
