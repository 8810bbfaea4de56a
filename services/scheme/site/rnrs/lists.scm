;;; Lists of R6RS.

(define-module (rnrs lists)
  #:export (memp remp remq remv assp)
  #:re-export (find for-all exists filter partition fold-left fold-right remove member memv memq
               assoc assv assq cons*))

(define (memp predicate list) (find-tail predicate list))
(define (remp predicate list) (remove predicate list))
(define (remq item list) (delete item list eq?))
(define (remv item list) (delete item list eqv?))
(define (assp predicate alist) (find (lambda (pair) (predicate (car pair))) alist))
