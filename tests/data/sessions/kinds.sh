set -u
cd /tmp; export XDG_RUNTIME_DIR=/run/user/1000
cat > c.scm <<'EOF'
(use-modules (shepherd service timer) (shepherd service transient) (shepherd service log-rotation)
             (shepherd service system-log) (shepherd service monitoring) (shepherd service repl))
(register-services
 (list (service '(tmr) #:start (make-timer-constructor (calendar-event #:seconds '(0 5 10 15 20 25 30 35 40 45 50 55)) (command '("/bin/sh" "-c" "echo tick; exit 3")))
         #:stop (make-timer-destructor) #:actions (list timer-trigger-action))
       (service '(tmr-proc) #:start (make-timer-constructor (calendar-event #:seconds '(0 10 20 30 40 50)) (lambda () (display "proc tick\n"))) #:stop (make-timer-destructor) #:actions (list timer-trigger-action))
       (service '(tmr-err) #:start (make-timer-constructor (cron-string->calendar-event "30 4 1,15 * *") (lambda () (error "bad" 42))) #:stop (make-timer-destructor) #:actions (list timer-trigger-action))
       (service '(tmr-slow) #:start (make-timer-constructor (calendar-event #:hours '(3) #:minutes '(0)) (command '("/bin/sleep" "300") #:directory "/")) #:stop (make-timer-destructor) #:actions (list timer-trigger-action))
       (service '(inet) #:start (make-inetd-constructor '("/bin/cat") (list (endpoint (make-socket-address AF_INET INADDR_LOOPBACK 4455)) (endpoint (make-socket-address AF_UNIX "/tmp/ine/sock") #:name "unix-one"))) #:stop (make-inetd-destructor))
       (service '(sysd) #:start (make-systemd-constructor '("/bin/sh" "-c" "env | sort | grep LISTEN; ls -l /proc/self/fd; sleep 100") (list (endpoint (make-socket-address AF_UNIX "/tmp/sysd/sock") #:name "s1") (endpoint (make-socket-address AF_INET6 IN6ADDR_LOOPBACK 4456) #:name "s2"))) #:stop (make-systemd-destructor))
       (service '(flappy) #:start (make-forkexec-constructor '("/bin/sh" "-c" "echo flap; sleep 0.3; exit 7")) #:stop (make-kill-destructor) #:respawn? #t)
       (service '(dies) #:start (make-forkexec-constructor '("/bin/sh" "-c" "echo dying; kill -9 $$")) #:stop (make-kill-destructor))
       (service '(logged) #:start (make-forkexec-constructor '("/bin/sh" "-c" "echo line one; echo; printf 'no newline'; sleep 1000") #:log-file "/tmp/logged/dir/l.log") #:stop (make-kill-destructor))
       (service '(slow) #:start (lambda () (sleep 6) #t) #:stop (lambda (v) (sleep 6) #f))
       (service '(repl2) #:start (const 'first) #:stop (const #f))
       (service '(needs-missing) #:requirement '(not-there) #:start (const #t))
       (service '(needs-failing) #:requirement '(failing) #:start (const #t))
       (service '(failing) #:start (const #f))
       (timer-service) (transient-service) (log-rotation-service) (monitoring-service)
       (repl-service "/tmp/repl.sock")
       (system-log-service (list (endpoint (make-socket-address AF_UNIX "/tmp/devlog") #:style SOCK_DGRAM)))))
EOF
shepherd -I -s /tmp/sock -c /tmp/c.scm -l /tmp/log --pid=/tmp/pid >/tmp/stdout 2>&1 &
SP=$!
while ! test -f /tmp/pid; do sleep 0.2; done
W=./wire2
cap() { n=$1; shift; echo "--- $n: $*"; python3 ./cap.py $W/$n.txt /tmp/sock "$@"; echo "rc=$?"; }
tty() { n=$1; shift; echo "--- tty $n: $*"; script -qec "herd -s /tmp/sock $*" /dev/null | tee $W/tty-$n.txt | cat -v ; }
at 1.05
cap 00-first-touch-start herd start repl2
cap 01-start-tmr herd start tmr; herd -s /tmp/sock start tmr-proc; herd -s /tmp/sock start tmr-err;herd -s /tmp/sock start tmr-slow
cap 02-trigger herd trigger tmr-err
herd -s /tmp/sock trigger tmr-slow
cap 02b-trigger-stopped herd trigger log-rotation
cap 03-start-inet herd start inet
cap 04-start-sysd herd start sysd
at 2
cap 05-start-flappy herd start flappy
cap 06-start-dies herd start dies
cap 07-start-logged herd start logged
cap 08-needs-missing herd start needs-missing
cap 09-needs-failing herd start needs-failing
herd -s /tmp/sock start slow &
at 2.9; cap 10-status-slow herd status slow
while [ "$(grep -c "Service flappy running" /tmp/log)" -lt 4 ]; do sleep 0.01; done
cap 11-status herd status
tty status status
cap 12-start-timer herd start timer
cap 13-schedule herd schedule timer at 23:59 -N at-test --log-file=at.log -E FOO=bar -E BAZ=1 -d /usr -- echo "hello world"
cap 14-schedule-bad herd schedule timer at 99:99 -- echo x
cap 15-schedule-noat herd schedule timer echo x
cap 16-status-at-test herd status at-test
cap 17-spawn herd spawn transient -N trans1 -E FOO=bar -- sh -c 'echo $FOO; pwd; sleep 100'
cap 18-start-transient herd start transient
cap 19-spawn2 herd spawn transient -- sleep 50
cap 20-spawn-user herd spawn transient --user=nosuch -- sleep 50
cap 21-status-trans1 herd status trans1
cap 22-spawn-fail herd spawn transient -N trans2 -- /no/such/program
cap 23-start-syslog herd start system-log
logger -u /tmp/devlog --socket-errors=on "hello syslog" ; printf '<13>Jun 22 16:41:30 prog[303]: via python' > /tmp/m; python3 -c 'import socket;s=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM);s.sendto(open("/tmp/m","rb").read(),"/tmp/devlog");s.sendto(b"<10>bare message\n","/tmp/devlog");s.sendto(b"no prio","/tmp/devlog");s.sendto(b"<86>auth","/tmp/devlog")'
sleep 0.3
cap 24-status-syslog herd status system-log
cat /home/tester/.local/state/shepherd/syslog
cap 25-start-logrot herd start log-rotation
cap 26-files-logrot herd files log-rotation
cap 27-status-logrot herd status log-rotation
cap 28-start-monitoring herd start monitoring
cap 29-log-monitoring herd log monitoring
cap 30-period herd period monitoring 30
cap 31-period-bad herd period monitoring zork
cap 32-start-repl herd start repl
at 7
cap 33-status-tmr herd status tmr
cap 34-status-tmr-proc herd status tmr-proc
cap 35-status-tmr-err herd status tmr-err
cap 36-status-tmr-slow herd status tmr-slow
cap 37-status-inet herd status inet
cap 38-status-sysd herd status sysd
cap 39-status-flappy herd status flappy
cap 40-status-dies herd status dies
cap 41-status-logged herd status logged
for s in tmr tmr-err inet sysd flappy dies logged trans1 system-log failing; do tty $s status $s; done
at 10.5
(echo 'hello'; sleep 2) | nc -U /tmp/ine/sock &
at 10.65
echo 'hello' | nc -q1 127.0.0.1 4455 &
at 11.3
cap 42-status-inet-busy herd status
cap 43-status-inet-child herd status cat-2
at 12.7
python3 -c 'import socket;s=socket.socket(socket.AF_UNIX);s.connect("/tmp/sysd/sock")'
sleep 0.7
cap 44-status-sysd-running herd status sysd
cap 45-start-flappy-disabled herd start flappy
cat > r.scm <<'EOF'
(register-services (list (service '(repl2) #:start (const 'second) #:stop (const #f)) (service '(logged extra) #:start (const #t))))
EOF
cap 46-load herd load root /tmp/r.scm
cap 47-status-repl2 herd status repl2
cap 48-status herd status
tty status2 status
cap 49-restart-repl2 herd restart repl2
cap 50-status-repl2 herd status repl2
cap 51-log herd log
cap 52-graph herd graph
tty log log
cap 53-stop-transient herd stop transient
at 16.5
cap 54-status herd status
cap 55-n herd status root -n 3
cap 56-nbad herd status root -n zork
cap 57-eval-timer herd eval root "(service-running-value (lookup-service 'tmr))"
cap 58-doc herd doc tmr list-actions
cap 59-stop-slow herd stop slow
cap 60-unknown-service-doc herd doc nothere
cap 61-reload herd reload root /tmp/c.scm
sleep 1
cap 62-status herd status
cap 63-power-off-user herd power-off root
sleep 1.5
echo ==== log; cat /tmp/log; echo ==== stdout; head -5 /tmp/stdout; tail -5 /tmp/stdout; cat /tmp/logged/dir/l.log; ls -laR /home/tester/.local /tmp/ine /tmp/sysd
