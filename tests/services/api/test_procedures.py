"""Procedures for configurations: what they give, and how they refuse what they cannot use."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from configured import Configured, configured

from services.configuration import error_message
from services.scheme import SchemeError
from services.scheme.printer import write

MODULES = """
(use-modules (shepherd service timer) (shepherd service system-log)
             (shepherd service log-rotation) (shepherd service monitoring)
             (shepherd service repl) (shepherd service transient) (shepherd endpoints)
             (shepherd logger) (shepherd system) (shepherd support) (shepherd comm)
             (ice-9 popen) (fibers) (fibers channels) (fibers operations) (fibers conditions)
             (fibers io-wakeup) (drover translator) (srfi srfi-19))
"""
VALUES = [
    ("(service-respawn-limit (service '(x) #:respawn-limit #f))",
     '(+inf.0 . 1)'),
    ("(service? (service '(x) #:termination-handler "
     'default-service-termination-handler))',
     '#t'),
    ("(service? (service '(x) #:termination-handler (lambda args #t)))",
     '#t'),
    ("(service-defines-action? (service '(x) #:actions (actions (hi (const 1)))) "
     "'hi)",
     '#t'),
    ("(lookup-service-action (service '(x)) 'hi)",
     '#f'),
    ("((action-procedure (action 'x (lambda (r) (list r)))) 5)",
     '(5)'),
    ("(let ((n 0)) (register-services (list (service '(n1)) (service '(n2)))) "
     '(for-each-service (lambda (s) (set! n (+ n 1)))) (> n 1))',
     '#t'),
    ("(begin (register-services (list (service '(n3)))) (unregister-services "
     "(list (lookup-service 'n3))) (lookup-service 'n3))",
     '#f'),
    ("(begin (register-services (service '(n4))) (service-canonical-name "
     "(lookup-service 'n4)))",
     'n4'),
    ("(service-status (perform-service-action (service '(x)) 'status))",
     'stopped'),
    ("(begin (register-services (list (service '(n5)))) (perform-service-action "
     "(lookup-service 'n5) 'disable) (service-enabled? (lookup-service 'n5)))",
     '#f'),
    ("(service-logger (let ((s (service '(x)))) (register-service-logger s #f) "
     's))',
     '#f'),
    ('(with-service-registry (lambda () 5))',
     '5'),
    ('(handle-SIGCHLD)',
     '#t'),
    ('(string? (default-config-file))',
     '#t'),
    ('(prctl PR_SET_CHILD_SUBREAPER 1)',
     '0'),
    ('(integer? (getpgid 0))',
     '#t'),
    ('(wait-for-file-deletion "/nonexistent")',
     '#<unspecified>'),
    ('(with-blocked-signals (list SIGUSR1) 5)',
     '5'),
    ('(list (system-log-priority warning) (system-log-facility daemon))',
     '(4 24)'),
    ("(next-calendar-event (calendar-event #:months '(2) #:days-of-month '(31)) "
     '(current-date))',
     '#f'),
    ("(seconds-to-wait (calendar-event #:months '(2) #:days-of-month '(31)))",
     '+inf.0'),
    ("(number? (seconds-to-wait (calendar-event #:hours '(1)) (current-date)))",
     '#t'),
    ("(calendar-event-hours (sexp->calendar-event '(calendar-event (version 0) "
     '(hours (1 2)) 5 (x))))',
     '(1 2)'),
    ("(service? (service '(t) #:start (make-timer-constructor (calendar-event) "
     '(command \'("true")) #:termination-signal SIGTERM #:max-duration 5 '
     '#:occurrences 2)))',
     '#t'),
    ('(command? (sexp->command \'(command (version 0) (arguments ("a")))))',
     '#t'),
    ('(service? (log-rotation-service #:compression (lambda (f) f)))',
     '#t'),
    ('(service? (repl-service))',
     '#t'),
    ('(service? (service \'(x) #:start (make-translator-constructor "/servers/x" '
     '\'("/hurd/x"))))',
     '#t'),
    ('(let ((c (make-channel))) (spawn-fiber (lambda () (put-message c 42))) '
     '(get-message c))',
     '42'),
    ('(let ((c (make-channel))) (spawn-fiber (lambda () (put-message c 1) '
     '(put-message c 2))) (let* ((a (get-message c)) (b (get-message c))) (list a '
     'b)))',
     '(1 2)'),
    ('(perform-operation (choice-operation (wrap-operation (sleep-operation 0) '
     "(lambda () 'slept)) (get-operation (make-channel))))",
     'slept'),
    ('(let ((c (make-condition))) (list (signal-condition! c) (signal-condition! '
     'c) (condition? c)))',
     '(#t #f #t)'),
    ('(let ((c (make-condition))) (spawn-fiber (lambda () (signal-condition! c))) '
     "(wait c) 'done)",
     'done'),
    ('(perform-operation (wait-until-port-readable-operation (let ((p (pipe))) '
     '(write-char #\\x (cdr p)) (force-output (cdr p)) (car p))))',
     '#<unspecified>'),
    ('(run-fibers)',
     '#<unspecified>'),
    ('(run-fibers (lambda () 5))',
     '5'),
    ('(yield-current-task)',
     '#<unspecified>'),
    ('(dynamic-wind* (lambda () 1) (lambda () 2) (lambda () 3))',
     '2'),
    ("(get-message* (make-channel) 0 'default)",
     'default'),
    ('(close-pipe (open-pipe "exit 3" OPEN_READ))',
     '768'),
    ('(status:exit-val (close-pipe (open-pipe* OPEN_READ "sh" "-c" "exit 4")))',
     '4'),
    ('(make-kill-destructor 5)',
     '#<procedure kill-destructor args>'),
    ('(procedure? (make-kill-destructor SIGINT #:grace-period 2))',
     '#t'),
    ('((make-system-constructor "exit " "0"))',
     '#t'),
    ('((make-system-destructor "exit 3"))',
     '#t'),
    ('(terminate-process (fork+exec-command \'("sleep" "100")) SIGTERM '
     '#:grace-period 1)',
     '15'),
    ('(read-pid-file "/nonexistent" #:max-delay 0)',
     '#f'),
    ('(usleep 10)',
     '0'),
    ('(sleep 0)',
     '#<unspecified>'),
    ('(default-pid-file-timeout)',
     '5'),
    ('(parameterize ((default-pid-file-timeout 3)) (default-pid-file-timeout))',
     '3'),
    ("(service-running-value (let ((s (service '(pp) #:start (lambda () (lambda "
     "(set!) (set! 'later) 'now)) #:stop (const #f)))) (register-services (list "
     's)) (start-service s) s))',
     'now'),
    ("(let ((s (service '(pvals) #:start (lambda () (values 'a 'b)) #:stop (const "
     '#f)))) (register-services (list s)) (start-service s) '
     '(service-running-value s))',
     'a'),
    ("(let ((s (service '(pzero) #:start (lambda () (values)) #:stop (const "
     '#f)))) (register-services (list s)) (start-service s) '
     '(service-running-value s))',
     '#<unspecified>'),
    ('(result->sexp car)',
     '"#<procedure car (_)>"'),
]  # fmt: skip
REFUSALS = [
    ('(make-inetd-constructor \'("x") (list (endpoint (make-socket-address AF_INET '
     'INADDR_LOOPBACK 0))) #:service-name-stem 5)',
     'In procedure make-inetd-constructor: Wrong type for argument '
     "'service-name-stem': 5"),
    ('(make-inetd-constructor \'("x") 5)',
     "In procedure make-inetd-constructor: Wrong type for argument 'endpoints': 5"),
    ('(endpoint 5)',
     "In procedure endpoint: Wrong type for argument 'address': 5"),
    ('(endpoint-name 5)',
     'In procedure endpoint-name: Wrong type argument in position 1: 5'),
    ("(timer-service 'x)",
     "In procedure timer-service: Wrong type for argument 'provision': x"),
    ('(transient-service \'("x"))',
     'In procedure transient-service: Wrong type for argument \'provision\': ("x")'),
    ('(default-service-termination-handler 5 5 5)',
     'In procedure struct-vtable: Wrong type argument in position 1 (expecting '
     'struct): 5'),
    ("(default-service-termination-handler (service '(x)) 5 5)",
     'In procedure struct-vtable: Wrong type argument in position 1 (expecting '
     'struct): 5'),
    ("(service '(x) #:termination-handler 5)",
     "In procedure service: Wrong type for argument 'termination-handler': 5"),
    ('(action-name 5)',
     'In procedure struct-vtable: Wrong type argument in position 1 (expecting '
     'struct): 5'),
    ('(register-services (list 5))',
     'In procedure struct-vtable: Wrong type argument in position 1 (expecting '
     'struct): 5'),
    ('(register-services 5)',
     'In procedure for-each: Wrong type argument: 5'),
    ("(perform-service-action (service '(x)) 'start)",
     'Throw to key `%exception\' with args `("#<&unknown-action-error service: x '
     'action: start>")\'.'),
    ('(perform-service-action (service \'(x)) "status")',
     'Throw to key `%exception\' with args `("#<&unknown-action-error service: x '
     'action: \\"status\\">")\'.'),
    ("(register-service-logger (service '(x)) 5)",
     'In procedure register-service-logger: Wrong type argument in position 2: 5'),
    ('(mkdir-p 5)',
     'In procedure mkdir-p: Wrong type argument in position 1: 5'),
    ('(mkdir-p "/tmp" \'x)',
     'In procedure mkdir-p: Wrong type argument in position 2: x'),
    ('(socket-address->string 5)',
     'In procedure socket-address->string: Wrong type argument in position 1: 5'),
    ('(assert (= 1 2))',
     "Throw to key `assertion-failed' with args `()'."),
    ('(prctl 5 1)',
     'In procedure prctl: only (prctl PR_SET_CHILD_SUBREAPER 1) is available: 5'),
    ("(getpgid 'x)",
     'In procedure getpgid: Wrong type argument in position 1: x'),
    ('(wait-for-file-deletion 5)',
     'In procedure wait-for-file-deletion: Wrong type argument in position 1: 5'),
    ("(block-signals '(5000))",
     'In procedure block-signals: Wrong type argument in position 1: (5000)'),
    ('(system-log-priority bogus)',
     'Syntax error:\nunknown location: system-log-priority: source expression '
     'failed to match any pattern in form (system-log-priority bogus)'),
    ("(system-log-service '(sl) #:message-destination 5)",
     "In procedure system-log-service: Wrong type for argument 'endpoints': (sl)"),
    ("(system-log-service '(sl) #:date-format 5)",
     "In procedure system-log-service: Wrong type for argument 'endpoints': (sl)"),
    ("(service? (system-log-service '(sl) #:kernel-log-file #f))",
     "In procedure system-log-service: Wrong type for argument 'endpoints': (sl)"),
    ("(calendar-event #:hours '(a))",
     "In procedure calendar-event: Wrong type for argument 'hours': a"),
    ("(calendar-event #:hours '(99))",
     'Throw to key `%exception\' with args `("#<&message message: '
     '\\"calendar-event: hours: 99: value out of range (0-23)\\">")\'.'),
    ('(cron-string->calendar-event 5)',
     'In procedure cron-string->calendar-event: Wrong type argument in position '
     '1: 5'),
    ('(cron-string->calendar-event "1 2 3")',
     'Throw to key `%exception\' with args `("#<&message message: \\"\\\\\\"1 2 3\\\\\\": '
     'wrong number of cron date fields\\">")\'.'),
    ('(next-calendar-event 5 (current-date))',
     'In procedure next-calendar-event: Wrong type argument in position 1: 5'),
    ("(sexp->calendar-event '(bogus))",
     'In procedure sexp->calendar-event: Wrong type argument in position 1: '
     '(bogus)'),
    ('(calendar-event-minutes 5)',
     'In procedure calendar-event-minutes: Wrong type argument in position 1: 5'),
    ('((make-timer-constructor (calendar-event) (command \'("true")) '
     "#:termination-signal 'x))",
     'In procedure make-timer-constructor: Wrong type for argument '
     "'termination-signal': x"),
    ('((make-timer-constructor (calendar-event) (command \'("true")) #:occurrences '
     '0))',
     "In procedure make-timer-constructor: Wrong type for argument 'occurrences': "
     '0'),
    ('((make-timer-constructor (calendar-event) 5))',
     "In procedure make-timer-constructor: Wrong type for argument 'action': 5"),
    ('((make-timer-constructor 5 (command \'("true"))))',
     "In procedure make-timer-constructor: Wrong type for argument 'event': 5"),
    ('(command-arguments 5)',
     'In procedure command-arguments: Wrong type argument in position 1: 5'),
    ('(sexp->command 5)',
     'In procedure sexp->command: Wrong type argument in position 1: 5'),
    ('(log-rotation-service 5)',
     "In procedure log-rotation-service: Wrong type for argument 'event': 5"),
    ("(log-rotation-service #:compression 'bogus)",
     "In procedure log-rotation-service: Wrong type for argument 'compression': "
     'bogus'),
    ('(log-rotation-service #:compression 5)',
     "In procedure log-rotation-service: Wrong type for argument 'compression': 5"),
    ('(rotate-past-logs 5)',
     'In procedure rotate-past-logs: Wrong type argument in position 1: 5'),
    ('(monitoring-service #:period 0)',
     "In procedure monitoring-service: Wrong type for argument 'period': 0"),
    ("(monitoring-service #:period 'x)",
     "In procedure monitoring-service: Wrong type for argument 'period': x"),
    ('(repl-service 5)',
     "In procedure repl-service: Wrong type for argument 'socket-file': 5"),
    ('(repl-service #:bogus 1)',
     'Wrong number of arguments to #<procedure repl-service (#:optional _)>'),
    ('(make-translator-constructor "/x" \'())',
     'In procedure make-translator-constructor: Wrong type for argument '
     "'command': ()"),
    ('(make-translator-constructor 5 \'("x"))',
     'In procedure make-translator-constructor: Wrong type argument in position '
     '1: 5'),
    ('(spawn-fiber 5)',
     'In procedure spawn-fiber: Wrong type argument in position 1: 5'),
    ('(put-message 5 1)',
     'In procedure put-message: Wrong type argument in position 1: 5'),
    ('(get-message 5)',
     'In procedure get-message: Wrong type argument in position 1: 5'),
    ('(perform-operation 5)',
     'In procedure perform-operation: Wrong type argument in position 1: 5'),
    ("(sleep-operation 'x)",
     'In procedure *: Wrong type argument in position 1: x'),
    ('(wrap-operation (sleep-operation 0) 5)',
     'In procedure wrap-operation: Wrong type argument in position 2: 5'),
    ('(wait-operation 5)',
     'In procedure wait-operation: Wrong type argument in position 1: 5'),
    ('(wait-until-port-readable-operation 5)',
     'In procedure wait-until-port-readable-operation: Wrong type argument in '
     'position 1: 5'),
    ('(make-scheduler)',
     'In procedure make-scheduler: not available in drover: fibers run on the '
     'event loop of the daemon'),
    ('(get-message* 5 1)',
     'In procedure get-message*: Wrong type argument in position 1: 5'),
    ("(get-message* (make-channel) 'x)",
     'In procedure get-message*: Wrong type argument in position 2: x'),
    ('(open-log-file 5)',
     'In procedure open-log-file: Wrong type argument in position 1: 5'),
    ('(spawn-service-file-logger 5 5)',
     'In procedure spawn-service-file-logger: Wrong type argument in position 1: '
     '5'),
    ('(spawn-service-builtin-logger "x" 5)',
     'In procedure spawn-service-builtin-logger: Wrong type argument in position '
     '1: 5'),
    ('(rotate-log-file 5 "x")',
     'Wrong number of arguments to #<procedure rotate-log-file (_ _ _)>'),
    ('(logger-recent-messages 5)',
     'In procedure logger-recent-messages: Wrong type argument in position 1: 5'),
    ('(open-pipe* OPEN_BOTH "x")',
     'In procedure open-pipe*: Wrong type argument in position 1: "r+"'),
    ('(open-pipe "exit 3" "bogus")',
     'In procedure open-pipe: Wrong type argument in position 1: "bogus"'),
    ('(fork+exec-command \'("true") #:user 1.5)',
     "In procedure fork+exec-command: Wrong type for argument 'user': 1.5"),
    ('(fork+exec-command \'("true") #:resource-limits \'((bogus 1 2)))',
     'In procedure rlimit: Invalid argument: "bogus"'),
    ('(fork+exec-command \'("true") #:file-creation-mask \'x)',
     'In procedure fork+exec-command: Wrong type for argument '
     "'file-creation-mask': x"),
    ('(fork+exec-command \'("true") #:log-port 5.5)',
     "In procedure fork+exec-command: Wrong type for argument 'log-port': 5.5"),
    ("(fork+exec-command '())",
     "In procedure fork+exec-command: Wrong type for argument 'command': ()"),
    ("(exec-command '())",
     "In procedure exec-command: Wrong type for argument 'command': ()"),
    ('(make-system-constructor "x" 5)',
     'In procedure string-append: Wrong type (expecting string): 5'),
    ("(terminate-process 'x SIGTERM)",
     'In procedure terminate-process: Wrong type argument in position 1: x'),
    ("(terminate-process 1 'x)",
     'In procedure terminate-process: Wrong type argument in position 2: x'),
    ('(read-pid-file 5)',
     'Wrong type (expecting string): 5'),
    ("(usleep 'x)",
     'Wrong type (expecting exact integer): x'),
    ('(system-log-message-sender 5)',
     'In procedure system-log-message-sender: Wrong type argument in position 1: '
     '5'),
]  # fmt: skip


@pytest.fixture
async def scheme() -> AsyncIterator[Configured]:
    async with configured() as scheme:
        await scheme.load(MODULES)
        yield scheme


@pytest.mark.parametrize(("form", "value"), VALUES)
async def test_a_procedure_gives_its_value(form: str, value: str, scheme: Configured) -> None:
    assert write(await scheme.load(form)) == value


@pytest.mark.parametrize(("form", "message"), REFUSALS)
async def test_a_procedure_says_what_it_cannot_use(
    form: str, message: str, scheme: Configured
) -> None:
    with pytest.raises(SchemeError) as caught:
        await scheme.load(form)
    assert error_message(caught.value).strip() == message
