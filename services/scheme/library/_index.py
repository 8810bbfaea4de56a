"""Which submodule defines each name of the default environment; written by reindex."""

from __future__ import annotations

_NAMES = {
    "lists": (
        "cons car cdr caar cadr cdar cddr caaar caadr cadar caddr cdaar cdadr cddar cdddr "
        "caaaar caaadr caadar caaddr cadaar cadadr caddar cadddr cdaaar cdaadr cdadar cdaddr "
        "cddaar cddadr cdddar cddddr set-car! set-cdr! pair? null? list? proper-list? "
        "not-pair? list cons* make-list length length+ append append! reverse reverse! "
        "append-reverse append-reverse! concatenate concatenate! list-ref list-set! "
        "list-cdr-set! list-tail list-cdr-ref drop list-head take take! list-copy last-pair "
        "last iota memq memv delq delq! delv delv! delq1! delv1! delete1! "
    ),
    "numbers": (
        "+ * - / 1+ 1- = < > <= >= zero? positive? negative? exact? inexact? nan? inf? finite? "
        "number? complex? real? integer? exact-integer? exact-rational? "
        "exact-nonnegative-integer? rational? even? odd? abs magnitude max min inexact->exact "
        "exact exact->inexact inexact floor ceiling truncate round numerator denominator "
    ),
    "equality": ("eq? eqv? equal? "),
    "strings": (
        "string? symbol? keyword? string-append string-append/shared string-concatenate "
        "string-concatenate/shared string-concatenate-reverse string-length string-ref string "
        "list->string reverse-list->string make-string substring substring/shared "
        "substring/copy substring/read-only string-copy string->list string-null? string=? "
        "string= string-ci=? string-ci= string<? string< string-ci<? string-ci< string>? "
        "string> string-ci>? string-ci> string<=? string<= string-ci<=? string-ci<= string>=? "
        "string>= string-ci>=? string-ci>= string<> string-ci<> string-prefix? string-suffix? "
        "string-prefix-ci? string-suffix-ci? string-prefix-length string-suffix-length "
        "string-prefix-length-ci string-suffix-length-ci string-contains string-contains-ci "
        "string-upcase string-downcase string-foldcase string-titlecase string-capitalize "
        "string-reverse string-replace string-take string-drop string-take-right "
        "string-drop-right string-pad string-pad-right string-join xsubstring string-hash "
        "string-set! string-fill! string-copy! string-upcase! string-downcase! "
        "string-capitalize! string-titlecase! string-reverse! substring-move! substring-fill! "
        "string-normalize-nfc string-normalize-nfd string-normalize-nfkc string-normalize-nfkd "
        "string-utf8-length "
    ),
    "symbols": (
        "symbol->string string->symbol string->uninterned-symbol make-symbol string-ci->symbol "
        "list->symbol symbol-interned? symbol symbol-append symbol<? gensym symbol->keyword "
        "keyword->symbol string->keyword keyword->string symbol-hash kw-arg-ref boolean? not "
        "->bool boolean=? symbol=? "
    ),
    "mapping": (
        "map map-in-order for-each append-map append-map! filter-map filter filter! remove "
        "remove! partition partition! fold fold-right fold-left reduce reduce-left "
        "reduce-right find find-tail any every and-map or-map for-all exists count list-index "
        "member delete delete! "
    ),
    "output": (
        "display write write-shared write-simple newline write-char write-string put-string "
        "put-char put-datum put-bytevector put-u8 write-u8 write-bytevector write-line "
        "object->string fresh-line current-output-port current-error-port current-warning-port "
        "current-input-port set-current-output-port set-current-error-port "
        "set-current-input-port open-output-string get-output-string call-with-output-string "
        "with-output-to-string with-error-to-string with-output-to-port with-error-to-port "
        "with-input-from-port %make-void-port warn pk peek "
    ),
    "alists": (
        "assq sloppy-assq assq-ref assq-set! assq-remove! assv sloppy-assv assv-ref assv-set! "
        "assv-remove! sloppy-assoc assoc-ref assoc-set! assoc-remove! assoc acons alist-cons "
        "alist-copy alist-delete alist-delete! "
    ),
    "division": (
        "quotient remainder modulo floor/ floor-quotient floor-remainder ceiling/ "
        "ceiling-quotient ceiling-remainder truncate/ truncate-quotient truncate-remainder "
        "euclidean/ euclidean-quotient euclidean-remainder round/ round-quotient "
        "round-remainder centered/ centered-quotient centered-remainder div mod div-and-mod "
        "gcd lcm modulo-expt rationalize "
    ),
    "mathematics": (
        "expt integer-expt sqrt exact-integer-sqrt square exp log log10 sin cos tan asin acos "
        "sinh cosh tanh asinh acosh atanh atan random random:uniform "
        "random-state-from-platform seed->random-state *random-state* logand bitwise-and "
        "logior bitwise-ior bitwise-or logxor bitwise-xor lognot bitwise-not logcount "
        "bit-count bitwise-bit-count integer-length bitwise-length first-set-bit "
        "bitwise-first-bit-set log2-binary-factors logtest logbit? bit-set? ash "
        "arithmetic-shift bitwise-arithmetic-shift bitwise-arithmetic-shift-left "
        "bitwise-arithmetic-shift-right round-ash bit-extract bit-field most-positive-fixnum "
        "most-negative-fixnum "
    ),
    "numerals": ("number->string string->number "),
    "characters": (
        "char? char->integer integer->char char-upcase char-downcase char-titlecase "
        "char-foldcase char-alphabetic? char-numeric? char-whitespace? char-upper-case? "
        "char-lower-case? char-is-both? char=? char-ci=? char<? char-ci<? char>? char-ci>? "
        "char<=? char-ci<=? char>=? char-ci>=? digit-value char-general-category char->digit "
    ),
    "charsets": (
        "char-set:letter char-set:digit char-set:upper-case char-set:lower-case "
        "char-set:whitespace char-set:letter+digit char-set:punctuation char-set:symbol "
        "char-set:graphic char-set:printing char-set:iso-control char-set:title-case "
        "char-set:full char-set:ascii char-set:designated char-set:empty char-set:blank "
        "char-set:hex-digit char-set? char-set list->char-set string->char-set ->char-set "
        "ucs-range->char-set char-set-contains? char-set-union char-set-union! "
        "char-set-intersection char-set-intersection! char-set-difference char-set-difference! "
        "char-set-xor char-set-xor! char-set-complement char-set-adjoin char-set-delete "
        "char-set-adjoin! char-set-delete! char-set-copy char-set-size char-set->list "
        "char-set->string char-set= char-set<= char-set-filter char-set-fold char-set-for-each "
    ),
    "srfi13": (
        "string-index string-index-right string-rindex string-skip string-skip-right "
        "string-count string-trim string-trim-right string-trim-both string-filter "
        "string-delete string-split string-tokenize string-any string-every string-map "
        "string-for-each string-for-each-index string-fold string-fold-right string-tabulate "
        "string-unfold string-unfold-right string-replace-substring "
    ),
    "sorting": (
        "sort stable-sort sort-list sort! stable-sort! sort-list! sorted? merge merge! list-sort "
    ),
    "srfi1": (
        "first second third fourth fifth sixth seventh eighth ninth tenth xcons car+cdr "
        "list-tabulate make-initialized-list circular-list circular-list? dotted-list? "
        "null-list? take-right drop-right drop-right! split-at split-at! take-while "
        "take-while! drop-while span span! break break! zip unzip1 unzip2 unzip3 unzip4 unzip5 "
        "pair-for-each pair-fold pair-fold-right unfold unfold-right delete-duplicates "
        "delete-duplicates! lset-adjoin lset-union lset-intersection lset-intersection! "
        "lset-difference lset-difference! lset-xor lset<= lset= list= "
    ),
    "vectors": (
        "vector? vector make-vector vector-length vector-ref vector-set! vector->list "
        "list->vector reverse-vector->list vector-copy subvector vector-fill! vector-copy! "
        "vector-move-left! vector-move-right! vector-append vector-reverse! vector-swap! "
        "vector-empty? vector->string string->vector vector-map vector-for-each vector-map! "
        "vector-fold vector-fold-right vector-index vector-any vector-every vector-count "
        "vector-unfold vector-tabulate vector-binary-search "
    ),
    "hashtables": (
        "make-hash-table make-weak-key-hash-table make-weak-value-hash-table "
        "make-doubly-weak-hash-table hash-table? hashtable? weak-key-hash-table? "
        "weak-value-hash-table? doubly-weak-hash-table? hash-ref hash-set! hash-remove! "
        "hash-get-handle hash-create-handle! hashq-ref hashq-set! hashq-remove! "
        "hashq-get-handle hashq-create-handle! hashv-ref hashv-set! hashv-remove! "
        "hashv-get-handle hashv-create-handle! hash hashq hashv equal-hash hash-clear! "
        "hash-table-clear! hashtable-clear! hash-fold hash-for-each hash-for-each-handle "
        "hash-map->list hash-count make-equal-hashtable make-eq-hashtable make-eqv-hashtable "
        "make-hashtable hash-table-ref hash-table-ref/default hashtable-ref hash-table-set! "
        "hashtable-set! hash-table-delete! hashtable-delete! hash-table-exists? "
        "hash-table-contains? hashtable-contains? hash-table-size hash-table-count "
        "hashtable-size hash-table-update! hash-table-update!/default hashtable-update! "
        "hash-table-walk hash-table-fold hash-table->alist hash-table-keys hash-table-values "
        "hashtable-keys hash-table-copy hashtable-copy alist->hash-table alist->hashq-table "
        "alist->hashv-table "
    ),
}

INDEX = {name: where for where, names in _NAMES.items() for name in names.split()}
