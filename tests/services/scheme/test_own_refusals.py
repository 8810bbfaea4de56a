"""What drover's Scheme refuses where it goes its own way, and in which words.

Guile would crash within ``format``, have complex numbers, or change a string in place.
"""

from __future__ import annotations

import pytest

from services.configuration import error_message
from services.scheme.errors import SchemeError
from tests.services.scheme.evaluating import module_with_libraries, value

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


@pytest.mark.parametrize(("form", "message"), REFUSALS)
def test_an_expression_is_refused_in_words(form: str, message: str) -> None:
    module = module_with_libraries()
    with pytest.raises(SchemeError) as caught:
        value(form, module)
    assert error_message(caught.value) == message
