;;; Enumerations of R6RS.

(define-module (rnrs enums)
  #:export (make-enumeration enum-set-universe enum-set-indexer enum-set-constructor enum-set->list
            enum-set-member? enum-set-subset? enum-set=? enum-set-union enum-set-intersection
            enum-set-difference enum-set-complement enum-set-projection)
  #:export-syntax (define-enumeration))

(define-record-type <enum-set>
  (make-set universe symbols)
  enum-set?
  (universe universe)
  (symbols symbols))

;; Symbols stand in the order of the universe.
(define (ordered all chosen) (filter (lambda (symbol) (memq symbol chosen)) all))

(define (make-enumeration symbols)
  (let ((all (delete-duplicates symbols eq?)))
    (make-set all all)))
(define (enum-set-universe set) (make-enumeration (universe set)))
(define (enum-set->list set) (symbols set))
(define (enum-set-indexer set)
  (let ((all (universe set)))
    (lambda (symbol) (list-index (lambda (other) (eq? symbol other)) all))))
(define (enum-set-constructor set)
  (let ((all (universe set)))
    (lambda (chosen)
      (for-each (lambda (symbol)
                  (unless (memq symbol all)
                    (error "not in the universe of the enumeration:" symbol)))
                chosen)
      (make-set all (ordered all chosen)))))
(define (enum-set-member? symbol set) (and (memq symbol (symbols set)) #t))
(define (enum-set-subset? one two)
  (and (every (lambda (symbol) (memq symbol (universe two))) (universe one))
       (every (lambda (symbol) (memq symbol (symbols two))) (symbols one))
       #t))
(define (enum-set=? one two) (and (enum-set-subset? one two) (enum-set-subset? two one)))
(define (combined keep? one two)
  (make-set (universe one)
            (filter (lambda (symbol)
                      (keep? (memq symbol (symbols one)) (memq symbol (symbols two))))
                    (universe one))))
(define (enum-set-union one two) (combined (lambda (a b) (or a b)) one two))
(define (enum-set-intersection one two) (combined (lambda (a b) (and a b)) one two))
(define (enum-set-difference one two) (combined (lambda (a b) (and a (not b))) one two))
(define (enum-set-complement set) (combined (lambda (a b) (not a)) set set))
(define (enum-set-projection one two)
  (make-set (universe two) (ordered (universe two) (symbols one))))

(define-syntax-rule (define-enumeration name (symbol ...) constructor)
  (begin
    (define all (make-enumeration '(symbol ...)))
    (define-syntax-rule (name chosen) (member-of all 'chosen))
    (define-syntax-rule (constructor chosen (... ...))
      ((enum-set-constructor all) '(chosen (... ...))))))
(define (member-of set symbol)
  (unless (enum-set-member? symbol set) (error "not in the enumeration:" symbol))
  symbol)
