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
        "put-char put-datum put-bytevector put-u8 write-u8 write-bytevector object->string "
        "fresh-line current-output-port current-error-port current-warning-port "
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
    "files": (
        "open-file open-input-file open-output-file open-io-file open-file-input-port "
        "open-file-output-port open-fdes open fdopen fdes->inport fdes->outport "
        "call-with-input-file call-with-output-file with-input-from-file with-output-to-file "
        "with-error-to-file call-with-port close-port close-input-port close-output-port close "
        "close-fdes force-output flush-output-port flush-all-ports port? input-port? "
        "output-port? textual-port? binary-port? file-port? port-closed? port-line port-column "
        "port-filename port-encoding port-conversion-strategy set-port-encoding! "
        "set-port-conversion-strategy! set-port-line! set-port-column! port-revealed "
        "set-port-revealed! set-port-filename! port-mode setvbuf mkstemp mkstemp! "
    ),
    "descriptors": (
        "fileno port->fdes isatty? ttyname seek ftell pipe dup->fdes dup2 dup dup->port "
        "dup->inport dup->outport duplicate-port redirect-port fcntl fsync truncate-file "
        "tmpfile "
    ),
    "reading": (
        "read-char get-char peek-char lookahead-char unread-char unread-string char-ready? "
        "read-line get-line read-delimited get-string-all read-string get-string-n get-u8 "
        "read-u8 lookahead-u8 peek-u8 get-bytevector-n get-bytevector-some get-bytevector-all "
        "read get-datum open-input-string open-bytevector-input-port open-input-bytevector "
        "open-bytevector-output-port call-with-output-bytevector call-with-input-string "
        "with-input-from-string eof-object eof-object? the-eof-object drain-input "
    ),
    "bytevectors": (
        "bytevector? make-bytevector bytevector bytevector-length bytevector-u8-ref "
        "bytevector-u8-set! bytevector-s8-ref bytevector-s8-set! bytevector-u16-ref "
        "bytevector-u16-set! bytevector-u16-native-ref bytevector-u16-native-set! "
        "bytevector-s16-ref bytevector-s16-set! bytevector-s16-native-ref "
        "bytevector-s16-native-set! bytevector-u32-ref bytevector-u32-set! "
        "bytevector-u32-native-ref bytevector-u32-native-set! bytevector-s32-ref "
        "bytevector-s32-set! bytevector-s32-native-ref bytevector-s32-native-set! "
        "bytevector-u64-ref bytevector-u64-set! bytevector-u64-native-ref "
        "bytevector-u64-native-set! bytevector-s64-ref bytevector-s64-set! "
        "bytevector-s64-native-ref bytevector-s64-native-set! endianness native-endianness "
        "bytevector-copy bytevector-append bytevector-copy! bytevector-fill! bytevector=? "
        "bytevector->u8-list u8-list->bytevector string->utf8 utf8->string string->bytevector "
        "bytevector->string "
    ),
    "filesystem": (
        "delete-file rmdir rename-file link symlink mkdir readlink chdir getcwd copy-file "
        "chmod chown utime access? file-exists? file-is-directory? mknod canonicalize-path "
        "dirname basename file-name-separator-string absolute-file-name? file-name-separator? "
        "in-vicinity search-path parse-path mkdtemp tmpnam opendir readdir rewinddir closedir "
        "directory-stream? "
    ),
    "status": (
        "stat lstat stat:dev stat:ino stat:mode stat:nlink stat:uid stat:gid stat:rdev "
        "stat:size stat:atime stat:mtime stat:ctime stat:blksize stat:blocks stat:type "
        "stat:perms stat:atimensec stat:mtimensec stat:ctimensec "
    ),
    "users": (
        "getpw getpwnam getpwuid getpwent setpwent endpwent setpw getgr getgrnam getgrgid "
        "getgrent setgrent endgrent setgr passwd:name passwd:passwd passwd:uid passwd:gid "
        "passwd:gecos passwd:dir passwd:shell group:name group:passwd group:gid group:mem "
        "getuid geteuid getgid getegid getpid getppid getpgrp getgroups getlogin setuid "
        "seteuid setgid setegid setpgid setgroups setsid getsid "
    ),
    "environment": (
        "getenv setenv unsetenv putenv environ uname utsname:sysname utsname:nodename "
        "utsname:release utsname:version utsname:machine gethostname sethostname umask kill "
        "nice getpriority setpriority sync getrlimit setrlimit status:exit-val status:term-sig "
        "status:stop-sig strerror system-error-errno crypt current-processor-count "
        "total-processor-count ctermid tcgetpgrp tcsetpgrp chroot setlocale gettext ngettext "
        "textdomain bindtextdomain bind-textdomain-codeset "
    ),
    "times": (
        "current-time internal-time-units-per-second get-internal-real-time "
        "get-internal-run-time current-jiffy jiffies-per-second current-second tzset "
        "gettimeofday times tms:clock tms:utime tms:stime tms:cutime tms:cstime tm:sec tm:min "
        "tm:hour tm:mday tm:mon tm:year tm:wday tm:yday tm:isdst tm:gmtoff tm:zone set-tm:sec "
        "set-tm:min set-tm:hour set-tm:mday set-tm:mon set-tm:year set-tm:wday set-tm:yday "
        "set-tm:isdst set-tm:gmtoff set-tm:zone gmtime localtime mktime strftime strptime "
    ),
    "formatting": ("format "),
    "simple_formatting": ("simple-format "),
    "regexps": (
        "regexp/basic regexp/extended regexp/icase regexp/newline regexp/notbol regexp/noteol "
        "make-regexp regexp? regexp-exec string-match regexp-match? match:substring "
        "match:start match:end match:prefix match:suffix match:string match:count regexp-quote "
        "list-matches fold-matches regexp-substitute regexp-substitute/global "
    ),
    "sockets": (
        "make-socket-address sockaddr:fam sockaddr:addr sockaddr:port sockaddr:flowinfo "
        "sockaddr:scopeid sockaddr:path inet-pton inet-ntop socket socketpair bind listen "
        "connect accept getsockname getpeername setsockopt getsockopt shutdown send recv! "
        "sendto recvfrom! getaddrinfo addrinfo:flags addrinfo:fam addrinfo:socktype "
        "addrinfo:protocol addrinfo:addr addrinfo:canonname gai-strerror getserv getservbyname "
        "getservbyport servent:name servent:aliases servent:port servent:proto "
    ),
    "trees": ("scandir string-locale<? file-system-fold file-system-tree ftw nftw "),
    "miscellany": (
        "identity procedure? unspecified? const noop negate compose procedure-name gc "
        "gc-disable gc-enable gc-stats version effective-version major-version minor-version "
        "micro-version version-matches? %host-type %load-path %load-compiled-path "
        "%load-extensions *features* *null-device* provided? system-file-name-convention "
        "program-arguments command-line pretty-print object-address "
    ),
    "extras": (
        "and=> inf nan nil? thunk? procedure-properties provide procedure-documentation "
        "string-hash-ci flock random-integer random-real get-environment-variable "
        "get-environment-variables box box? unbox set-box! make-record-type record-type? "
        "record-constructor record-predicate record-accessor record-modifier make-hook hook? "
        "hook-empty? hook->list add-hook! remove-hook! reset-hook! run-hook hashx-ref "
        "hashx-set! hashx-remove! "
    ),
    "signals": ("sigaction "),
}

INDEX = {name: where for where, names in _NAMES.items() for name in names.split()}
