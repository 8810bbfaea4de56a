;;; Boxes; nothing else runs between reading one and writing it.

(define-module (ice-9 atomic)
  #:export (make-atomic-box atomic-box? atomic-box-ref atomic-box-set! atomic-box-swap!
            atomic-box-compare-and-swap!))

(define-record-type <atomic-box>
  (make-atomic-box value)
  atomic-box?
  (value atomic-box-ref atomic-box-set!))

(define (atomic-box-swap! box value)
  (let ((before (atomic-box-ref box)))
    (atomic-box-set! box value)
    before))

(define (atomic-box-compare-and-swap! box expected desired)
  (let ((before (atomic-box-ref box)))
    (when (eq? before expected)
      (atomic-box-set! box desired))
    before))
