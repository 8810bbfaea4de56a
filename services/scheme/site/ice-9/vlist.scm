;;; Lists and association lists under the names of Guile's faster ones.

(define-module (ice-9 vlist)
  #:use-module (srfi srfi-1)
  #:export (vlist? vlist-cons vlist-head vlist-tail vlist-null vlist-null? list->vlist vlist->list
            vlist-ref vlist-length vlist-fold vlist-fold-right vlist-map vlist-for-each
            vlist-append vlist-reverse vlist-filter vlist-delete vlist-take vlist-drop vlist-unfold
            vlist-unfold-right
            vhash? vhash-cons vhash-consq vhash-consv vhash-assoc vhash-assq vhash-assv
            vhash-delete vhash-delq vhash-delv vhash-fold vhash-fold-right vhash-fold*
            vhash-foldq* vhash-foldv* alist->vhash))

(define-record-type <vlist>
  (make-vlist items hash?)
  vlist?
  (items vlist->list)
  (hash? vhash?*))

(define vlist-null (make-vlist '() #f))
(define (list->vlist items) (make-vlist items #f))
(define (vlist-null? vlist) (null? (vlist->list vlist)))
(define (vlist-cons item vlist) (list->vlist (cons item (vlist->list vlist))))
(define (vlist-head vlist) (car (vlist->list vlist)))
(define (vlist-tail vlist) (make-vlist (cdr (vlist->list vlist)) (vhash?* vlist)))
(define (vlist-ref vlist n) (list-ref (vlist->list vlist) n))
(define (vlist-length vlist) (length (vlist->list vlist)))
(define (vlist-fold procedure seed . vlists)
  (apply fold procedure seed (map vlist->list vlists)))
(define (vlist-fold-right procedure seed . vlists)
  (apply fold-right procedure seed (map vlist->list vlists)))
(define (vlist-map procedure . vlists) (list->vlist (apply map procedure (map vlist->list vlists))))
(define (vlist-for-each procedure . vlists) (apply for-each procedure (map vlist->list vlists)))
(define (vlist-append . vlists) (list->vlist (append-map vlist->list vlists)))
(define (vlist-reverse vlist) (list->vlist (reverse (vlist->list vlist))))
(define (vlist-filter wanted? vlist) (list->vlist (filter wanted? (vlist->list vlist))))
(define* (vlist-delete item vlist #:optional (same? equal?))
  (list->vlist (delete item (vlist->list vlist) same?)))
(define (vlist-take vlist n) (list->vlist (take (vlist->list vlist) n)))
(define (vlist-drop vlist n) (list->vlist (drop (vlist->list vlist) n)))
(define (vlist-unfold . arguments) (list->vlist (apply unfold arguments)))
(define (vlist-unfold-right . arguments) (list->vlist (apply unfold-right arguments)))

(define (vhash? object) (and (vlist? object) (vhash?* object)))
(define* (vhash-cons key value vhash #:optional hash)
  (make-vlist (acons key value (vlist->list vhash)) #t))
(define vhash-consq vhash-cons)
(define vhash-consv vhash-cons)
(define* (vhash-assoc key vhash #:optional (same? equal?) hash)
  (assoc key (vlist->list vhash) same?))
(define (vhash-assq key vhash) (assq key (vlist->list vhash)))
(define (vhash-assv key vhash) (assv key (vlist->list vhash)))
(define* (vhash-delete key vhash #:optional (same? equal?) hash)
  (make-vlist (alist-delete key (vlist->list vhash) same?) #t))
(define (vhash-delq key vhash) (vhash-delete key vhash eq?))
(define (vhash-delv key vhash) (vhash-delete key vhash eqv?))
(define (vhash-fold procedure seed vhash)
  (fold (lambda (pair seed) (procedure (car pair) (cdr pair) seed)) seed (vlist->list vhash)))
(define (vhash-fold-right procedure seed vhash)
  (fold-right (lambda (pair seed) (procedure (car pair) (cdr pair) seed)) seed (vlist->list vhash)))
(define* (vhash-fold* procedure seed key vhash #:optional (same? equal?) hash)
  (fold (lambda (pair seed) (if (same? key (car pair)) (procedure (cdr pair) seed) seed))
        seed (reverse (vlist->list vhash))))
(define (vhash-foldq* procedure seed key vhash) (vhash-fold* procedure seed key vhash eq?))
(define (vhash-foldv* procedure seed key vhash) (vhash-fold* procedure seed key vhash eqv?))
(define* (alist->vhash alist #:optional hash) (make-vlist (reverse alist) #t))
