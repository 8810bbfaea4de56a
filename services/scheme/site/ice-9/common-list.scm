;;; Lists, as Guile's users had them before SRFI 1.

(define-module (ice-9 common-list)
  #:export (adjoin union intersection set-difference reduce-init some notany notevery and? or?
            has-duplicates? pick pick-mappings uniq remove-if remove-if-not delete-if! delete-if-not!
            member-if find-if count-if butlast)
  #:re-export (every reduce))

(define (adjoin item list) (if (memv item list) list (cons item list)))
(define (union one two) (fold adjoin two one))
(define (intersection one two) (filter (lambda (item) (memv item two)) one))
(define (set-difference one two) (remove (lambda (item) (memv item two)) one))
(define (reduce-init procedure start list)
  (if (null? list) start (reduce-init procedure (procedure start (car list)) (cdr list))))
(define (some predicate . lists) (apply any predicate lists))
(define (notany predicate . lists) (not (apply any predicate lists)))
(define (notevery predicate . lists) (not (apply every predicate lists)))
(define (and? . items) (every identity items))
(define (or? . items) (any identity items))
(define (has-duplicates? list)
  (and (pair? list) (or (and (member (car list) (cdr list)) #t) (has-duplicates? (cdr list)))))
(define (find-if predicate list) (find predicate list))
(define (member-if predicate list) (find-tail predicate list))
(define (count-if predicate list) (count predicate list))
(define (remove-if predicate list) (remove predicate list))
(define (remove-if-not predicate list) (filter predicate list))
(define delete-if! remove-if)
(define delete-if-not! remove-if-not)
;; These two turn the list round.
(define (pick predicate list) (reverse (filter predicate list)))
(define (pick-mappings procedure list) (reverse (filter-map procedure list)))
(define (uniq list) (delete-duplicates list eq?))
(define (butlast list n) (list-head list (max 0 (- (length list) n))))
