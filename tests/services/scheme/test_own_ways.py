"""What drover's Scheme does where it goes its own way, or where Guile has no answer of its own.

Guile would loop, crash within ``format``, have complex numbers, or change a string in place.
"""

from __future__ import annotations

import pytest

from services.configuration import error_message
from services.scheme import user_module
from services.scheme.errors import SchemeError
from services.scheme.printer import write
from tests.services.scheme.evaluating import value

MODULES = """
(use-modules (ice-9 format) (ice-9 match) (ice-9 regex) (ice-9 exceptions) (ice-9 ftw)
             (ice-9 rdelim) (ice-9 textual-ports) (ice-9 binary-ports) (rnrs bytevectors)
             (srfi srfi-1) (srfi srfi-13) (srfi srfi-19) (ice-9 hash-table))
"""
VALUES = [
    ('(format #f "~5a|" \'x)',
     '"x    |"'),
    ('(format #f "~{~:}" "x" \'())',
     '"x"'),
    ('(format #f "~@{~}" "x" 1)',
     '"x"'),
    ('(format #f "~2^a")',
     '"a"'),
    ('(format #f "~0^a")',
     '""'),
    ('(format #f "~1,1^a")',
     '""'),
    ('(format #f "a~@\\n   b")',
     '"a\\nb"'),
    ('(format #f "a~:\\n   b")',
     '"a   b"'),
    ('(format #f "a~\\n   b")',
     '"ab"'),
    ('(format #f "~v,\'*d" 5 6)',
     '"****6"'),
    ('(format #f "~10,,,\'.@$" 3.5)',
     '"+3.5000000000"'),
    ('(format #f "~8e ~8g ~8$" +inf.0 +nan.0 -inf.0)',
     '"  +inf.0 +nan.0 -inf.0"'),
    ('(format #f "~,5g" 12.5)',
     '"12.500    "'),
    ('(format #f "~10,3g|" 0.00001)',
     '"  1.000E-5|"'),
    ('(format #f "~@r" 0)',
     '"0"'),
    ('(format #f "~0$" 2.5)',
     '"3."'),
    ('(string->number "12" 37)',
     '#f'),
    ('(string->number "#e1e99999999")',
     '#f'),
    ('(number->string 0.1 2)',
     '"0.0001100110011001100110011001100110011001100110011001101"'),
    ('(number->string +nan.0 2)',
     '"+nan.0"'),
    ('(log 8 2)',
     '3.0'),
    ('(string-map (lambda (a b) (if (char<? a b) a b)) "adc" "bbb")',
     '"abb"'),
    ("(let ((l '())) (string-for-each (lambda (a b) (set! l (cons (list a b) l))) "
     '"ab" "cde") l)',
     '((#\\b #\\d) (#\\a #\\c))'),
    ("(fold-left list '() '(1 2) '(3 4))",
     '((() 1 3) 2 4)'),
    ('(vector-map + #(1 2) #(10 20))',
     '#(11 22)'),
    ("(vector-fold list '() #(1 2))",
     '((() 1) 2)'),
    ("(vector-fold-right list '() #(1 2))",
     '((() 2) 1)'),
    ("(symbol=? 'a 'a 'b)",
     '#f'),
    ("(hash-table-ref (make-hash-table) 'x (lambda () 'none))",
     'none'),
    ('(error-object-message 5)',
     '""'),
    ('(error-object-message (make-exception-with-message "m"))',
     '"m"'),
    ("(error-object-irritants (make-exception-with-irritants '(1)))",
     '(1)'),
    ('(with-exception-handler (lambda (e) (list (error-object-message e) '
     '(error-object-irritants e))) (lambda () (error "text:" 1 2)) #:unwind? #t)',
     '("text:" (1 2))'),
    ('(with-exception-handler (lambda (e) (list (error-object? e) '
     '(error-object-message e) (error-object-irritants e))) (lambda () (raise 5)) '
     '#:unwind? #t)',
     '(#f "" ())'),
    ('(with-exception-handler (lambda (e) (list (error-object-message e) '
     '(error-object-irritants e))) (lambda () (throw \'k "a")) #:unwind? #t)',
     '("" ())'),
    ('(with-output-to-string (lambda () (print-exception (current-output-port) #f '
     '\'misc-error \'("who" "text ~a ~s~%~~ ~q ~a" ("x" "y") #f))))',
     '"In procedure who: text x \\"y\\"\\n~ ~q ~a\\n"'),
    ('(with-output-to-string (lambda () (print-exception (current-output-port) #f '
     '\'syntax-error \'(let "bad let" #f (let) sub))))',
     '"Syntax error:\\nunknown location: let: bad let in subform sub of form '
     '(let)\\n"'),
    ('(with-output-to-string (lambda () (print-exception (current-output-port) #f '
     "'my-key '(1 2))))",
     '"Throw to key `my-key\' with args `(1 2)\'.\\n"'),
    ("(with-exception-handler (lambda (e) 'caught) (lambda () (scm-error "
     "'%exception 5 #f #f #f)) #:unwind? #t)",
     'caught'),
    ("(catch #t (lambda () (throw '%exception 5)) (lambda args args))",
     '(%exception 5)'),
    ('(apply +)',
     '0'),
    ('(use-modules ((srfi srfi-1) #:renamer (lambda (s) s)))',
     '#<unspecified>'),
    ('(begin (use-modules ((srfi srfi-1) #:select (5 (first . erste)))) 1)',
     '1'),
    ('(begin (define-module (rec a) #:pure #:use-module (srfi srfi-1) #:autoload '
     '(ice-9 regex) (string-match) #:export (x) #:bogus) 1)',
     '1'),
    ("(cond-expand ((library (srfi srfi-1)) 'yes) (else 'no))",
     'yes'),
    ("(cond-expand ((library (no such)) 'yes) (else 'no))",
     'no'),
    ("(cond-expand ((library) 'yes) (else 'no))",
     'no'),
    ("(cond-expand ((bogus x) 'yes) (else 'no))",
     'no'),
    ("(cond-expand (5 'yes) (else 'no))",
     'no'),
    ("(variable-ref (module-variable (current-module) 'car))",
     '#<procedure car (_)>'),
    ("(match '(1 2 3) (`(1 ,@x) x))",
     '(2 3)'),
    ("(match 'x ((? symbol? y z) 1))",
     '1'),
    ('(define-syntax my-if if)',
     '#<unspecified>'),
    ('(begin (define-syntax my-if if) (my-if #t 1 2))',
     '1'),
    ('(let-syntax ((m (syntax-rules () ((_ a) "doc" (list a))))) (m 1))',
     '(1)'),
    ('(define-record-type rt2 #t rt2? (a rt2-a))',
     '#<unspecified>'),
    ('(begin (define-record-type rt3 #f rt3? (a rt3-a)) (rt3? 1))',
     '#f'),
    ('(begin (define-record-type rt4 make-rt4 rt4? (a rt4-a)) (rt4-a (make-rt4 '
     '7)))',
     '7'),
    ('(begin (define-record-type rt5 (make-rt5 a) #f (a rt5-a)) (rt5-a (make-rt5 '
     '7)))',
     '7'),
    ('(record-type-descriptor (make-exception-with-message "x"))',
     '#<record-type &message>'),
    ('(make-record-type \'x \'(a) (lambda (r p) (display "R" p)))',
     '#<record-type x>'),
    ("(let ((t (make-record-type 'x '(a b)))) ((record-constructor t '(b)) 1))",
     '#<x a: #f b: 1>'),
    ("(call-with-prompt 'p (lambda () 1) (lambda (k) 2))",
     '1'),
    ('(let/cc k (+ 1 (k 42)))',
     '42'),
    ("(let-syntax ((m (syntax-rules () ((_) 'sym)))) (list (m)))",
     '(sym)'),
    ("'(a . #(1 b))",
     '(a . #(1 b))'),
    ('(object->string (make-exception-with-message "m"))',
     '"#<&message message: \\"m\\">"'),
    ("(call-with-output-string (lambda (p) (print-exception p #f 'wrong-type-arg "
     '\'("car" "Wrong type: ~S" (5) (5)))))',
     '"In procedure car: Wrong type: 5\\n"'),
    ('(string->symbol "#:a")',
     '#{#:a}#'),
    ('(read (open-input-string "#!fold-case ABC"))',
     'abc'),
    ('(read (open-input-string "\\"\\\\x110000;\\""))',
     '"\\x110000;"'),
    ('(read (open-input-string "1e9999999"))',
     '#{1e9999999}#'),
    ('(read (open-input-string "#x#x1"))',
     '1'),
    ('(get-bytevector-some (open-bytevector-input-port #vu8()))',
     '#<eof>'),
    ("(kw-arg-ref '(#:a 1 #:b 2) #:b)",
     '2'),
]  # fmt: skip
REFUSALS = [
    ('(format #f "~a")',
     'error in format: missing argument(s)'),
    ('(format #f "~z" 1)',
     'In procedure format: FORMAT: Unsupported format option ~#\\z'),
    ('(format #f "~d" 1.5)',
     'error in format: argument not an integer'),
    ('(format #f "~d" \'x)',
     'error in format: argument not an integer'),
    ('(format #f "~x" 1.5)',
     'error in format: argument not an integer'),
    ('(format #f "~r" \'x)',
     'error in format: argument not an integer'),
    ('(format #f "~1r" 5)',
     'error in format: bad radix'),
    ('(format #f "~f" "abc")',
     'error in format: argument is not a number or a number string'),
    ('(format #f "~f" \'x)',
     'error in format: argument is not a number or a number string'),
    ('(format #f "~$" \'x)',
     'error in format: argument is not a number or a number string'),
    ('(format #f "~c" 1)',
     'error in format: ~c expects a character'),
    ('(format #f "~:p")',
     'error in format: no previous argument'),
    ('(format #f "~5@*~a" 1 2)',
     'error in format: argument out of range'),
    ('(format #f "~[zero~;one~]" \'x)',
     'error in format: ~[ expects an integer'),
    ('(format #f "~]")',
     'In procedure format: FORMAT: Unsupported format option ~#\\]'),
    ('(format #f "~{~a" \'(1))',
     'error in format: missing ~}'),
    ('(format #f "~")',
     'error in format: tilde at the end of the template'),
    ('(format #f "~{~a~}" 5)',
     'In procedure format: Wrong type argument in position 3: 5'),
    ('(expt -8 1/3)',
     'In procedure expt: Value out of range: -8'),
    ('(sqrt -4)',
     'In procedure sqrt: Value out of range: -4'),
    ('(log -1)',
     'In procedure log: Value out of range: -1'),
    ('(log 5 1)',
     'Throw to key `numerical-overflow\' with args `("divide" "Numerical overflow" '
     "#f #f)'."),
    ('(log 0)',
     'Throw to key `numerical-overflow\' with args `("log" "Numerical overflow" #f '
     "#f)'."),
    ("(string-unfold null? car cdr '(1 2))",
     'In procedure string-unfold: Wrong type argument in position 2 (expecting '
     'character): 1'),
    ('(string-copy! (make-string 3 #\\-) 1 "ab")',
     'In procedure string-copy!: string is read-only: "---"'),
    ('(string-set! (string #\\a) 0 #\\b)',
     'In procedure string-set!: string is read-only: "a"'),
    ('(let ((s (make-string 4 #\\-))) (string-fill! s #\\x) s)',
     'In procedure string-fill!: string is read-only: "----"'),
    ('(xsubstring "" 0 5)',
     'Value out of range 0 to< 18446744073709551615: 5'),
    ("(bytevector-u16-ref #vu8(1 2) 0 'middle)",
     'In procedure bytevector-u16-ref: Wrong type argument in position 3: middle'),
    ('(endianness middle)',
     'Syntax error:\nunknown location: endianness: unsupported endianness in form '
     '(endianness middle)'),
    ('(vector-for-each display 5)',
     'In procedure vector-for-each: Wrong type argument in position 2: 5'),
    ("(symbol=? 'a 1)",
     'In procedure symbol=?: Wrong type argument in position 2 (expecting '
     'symbol): 1'),
    ('(boolean=? 1 #t)',
     'In procedure boolean=?: Wrong type argument in position 1 (expecting bool): '
     '1'),
    ('(match:substring (string-match "(a)(x)?" "abc") -1)',
     'Value out of range 0 to< 18446744073709551615: -1'),
    ("(match:substring '#(5 6) 0)",
     'In procedure regexp-match: Wrong type argument in position 1 (expecting '
     'match): "#(5 6)"'),
    ('(regexp-substitute #f (string-match "(b)" "abc") 5.5)',
     'In procedure regexp-substitute: Wrong type argument in position 3 '
     '(expecting string, integer, pre or post): 5.5'),
    ('(set-current-output-port 5)',
     'In procedure set-current-output-port: Wrong type argument in position 1: 5'),
    ("(hash-table-ref (make-hash-table) 'x)",
     'In procedure hash-table-ref: Wrong type argument in position 2: x'),
    ('(random 1/2)',
     'In procedure random: Wrong type argument in position 1: 1/2'),
    ('(mkstemp "/tmp/no-template")',
     'In procedure mkstemp: Invalid argument'),
    ('(mknod "/tmp/rec-x" \'bogus #o600 0)',
     'In procedure mknod: Value out of range: bogus'),
    ('(open-input-file "a\\x00;b")',
     'string contains #\\nul character: "a\\x00;b"'),
    ('(setenv "A=B" "1")',
     'In procedure putenv: Invalid argument'),
    ('(environ 5)',
     'In procedure environ: Wrong type argument in position 1: 5'),
    ('(getrlimit 5000)',
     'In procedure getrlimit: Value out of range: 5000'),
    ('(gmtime (expt 2 80))',
     'In procedure gmtime: Value out of range: 1208925819614629174706176'),
    ("(mktime (let ((t (gmtime 0))) (set-tm:year t 'x) t))",
     'In procedure mktime: Wrong type argument in position 1: "#(0 0 0 1 0 x 4 0 '
     '0 0 \\"GMT\\")"'),
    ('(date->string 5 "~Y")',
     'In procedure date->string: Wrong type argument in position 1 (expecting '
     'date): 5'),
    ('(make-socket-address AF_INET INADDR_LOOPBACK 70000)',
     'Value out of range 0 to< 65535: 70000'),
    ('(make-socket-address AF_INET INADDR_LOOPBACK)',
     'Wrong number of arguments to make-socket-address'),
    ('(bind (socket PF_INET SOCK_STREAM 0) 5)',
     'In procedure scm_c_make_socket_address: Value out of range: 5'),
    ("(raise-exception 'x #:bogus #t)",
     'In procedure raise-exception: bad keyword arguments: (#:bogus #t)'),
    ('(with-exception-handler (lambda (e) 1) (lambda () 1) #:unwind?)',
     'In procedure with-exception-handler: bad keyword arguments'),
    ('(make-exception 5)',
     'In procedure make-exception: Wrong type argument in position 1: 5'),
    ("(make-exception-type '&mine 5 '(a))",
     'In procedure make-exception-type: Wrong type argument in position 2: 5'),
    ("(make-exception-type '&mine &error 5)",
     'In procedure make-exception-type: Wrong type argument in position 3: 5'),
    ('(condition (&message (5 "x")))',
     'Syntax error:\nunknown location: source expression failed to match any '
     'pattern in form (condition (&message (5 "x")))'),
    ('((apply lambda 5))',
     'Syntax error:\nunknown location: source expression failed to match any '
     'pattern in form lambda'),
    ("(resolve-interface '(srfi srfi-1) #:select '(no-such-name))",
     "no binding `no-such-name' in module (srfi srfi-1)"),
    ('(use-modules ((srfi srfi-1) #:select (no-such)))',
     "no binding `no-such' in module (srfi srfi-1)"),
    ('(@ 5 x)',
     'invalid module name: 5'),
    ('(define-module 5)',
     'invalid module name: 5'),
    ('(define-module (a b) 5)',
     'Syntax error:\nunknown location: source expression failed to match any '
     'pattern in form (define-module (a b) 5)'),
    ('(load 5)',
     'In procedure load: not a file name: 5'),
    ('(include 5)',
     'Syntax error:\nunknown location: source expression failed to match any '
     'pattern in form (include 5)'),
    ("(match '(1 2) ((... x) 1))",
     'Syntax error:\nunknown location: match: misplaced ellipsis in form (match '
     '(quote (1 2)) ((... x) 1))'),
    ('(match 5 (($ 5 a) a))',
     'no such record type: 5'),
    ("(match '(1 2) (`(1 (unquote x y)) x))",
     'Syntax error:\nunknown location: source expression failed to match any '
     'pattern in form (match (quote (1 2)) ((quasiquote (1 (unquote x y))) x))'),
    ("(match '(1 ...) (`(1 ...) 'dots))",
     'Throw to key `match-error\' with args `("match" "no matching pattern" (1 '
     "...))'."),
    ('(match 5 ((not 4 5) 1))',
     'Syntax error:\nunknown location: source expression failed to match any '
     'pattern in form (match 5 ((not 4 5) 1))'),
    ('(define-syntax x 5)',
     'Syntax error:\nunknown location: define-syntax: only syntax-rules macros are '
     'supported in form 5'),
    ('(define-syntax x car)',
     'Syntax error:\nunknown location: define-syntax: not a syntax transformer in '
     'form car'),
    ('(define-syntax x (car 1))',
     'Syntax error:\nunknown location: define-syntax: only syntax-rules macros are '
     'supported in form (car 1)'),
    ('(assert)',
     'Syntax error:\nunknown location: source expression failed to match any '
     'pattern in form (assert)'),
    ('(guard (5 (#t 1)) 2)',
     'Syntax error:\nunknown location: source expression failed to match any '
     'pattern in form (guard (5 (#t 1)) 2)'),
    ('(let-loop 5 ((x 1)) x)',
     'Syntax error:\nunknown location: source expression failed to match any '
     'pattern in form (let-loop 5 ((x 1)) x)'),
    ('(let-loop loop ((5 1)) x)',
     'Syntax error:\nunknown location: source expression failed to match any '
     'pattern in form (let-loop loop ((5 1)) x)'),
    ('(let-loop loop ((x 1)) (if (= x 1) (loop (x 2 3)) x))',
     'Syntax error:\nunknown location: source expression failed to match any '
     'pattern in form (loop (x 2 3))'),
    ('(exit 5)',
     "Throw to key `quit' with args `(5)'."),
    ('(list if (let ((x 1)) x))',
     'Syntax error:\nunknown location: source expression failed to match any '
     'pattern in form if'),
    ('(read (open-input-string "\\"\\\\u12"))',
     '#<unknown port>:1:6: unexpected end of input while reading string'),
    ('(read (open-input-string "\\"\\\\uzz\\""))',
     '#<unknown port>:1:5: invalid character in escape sequence: #\\z'),
    ('(read (open-input-string "\\"a\\\\"))',
     '#<unknown port>:1:4: unexpected end of input while reading string'),
    ('(read (open-input-string "#\\\\xD800"))',
     '#<unknown port>:1:8: unknown character name xD800'),
    ('(read (open-input-string "#e+inf.0"))',
     '#<unknown port>:1:9: unknown # object: "#e+inf.0"'),
    ('(read (open-input-string "#\\\\777777777"))',
     '#<unknown port>:1:12: unknown character name 777777777'),
    ('(put-string (current-output-port) "abc" 1 9)',
     'Value out of range 1 to< 3: 10'),
    ('(write-string "abc" 5)',
     'In procedure write-string: Wrong type argument in position 2: 5'),
]  # fmt: skip


@pytest.mark.parametrize(("form", "expected"), VALUES)
def test_an_expression_has_its_value(form: str, expected: str) -> None:
    module = user_module()
    value(MODULES, module)
    assert write(value(form, module)) == expected


@pytest.mark.parametrize(("form", "message"), REFUSALS)
def test_an_expression_is_refused_in_words(form: str, message: str) -> None:
    module = user_module()
    value(MODULES, module)
    with pytest.raises(SchemeError) as caught:
        value(form, module)
    assert error_message(caught.value) == message
