set -u
cd /tmp
H="herd -s /tmp/sock"
W=./wire5
cap() { n=$1; shift; echo "--- $n: $*"; python3 ./cap.py $W/$n.txt /tmp/sock "$@"; echo "rc=$?"; }
up() { rm -f /tmp/pid; shepherd -I -s /tmp/sock -c ${1:-/dev/null} -l /tmp/log --pid=/tmp/pid >/tmp/stdout 2>&1 & SP=$!; while ! test -f /tmp/pid; do sleep 0.1; done; sleep 0.3; }
echo "### pid stdout"; (timeout 2 shepherd -I -s /tmp/sock2 -c /dev/null --pid -l /tmp/l1) | od -c | tail -8; tail -3 /tmp/l1
mkdir -p /tmp/conf/init.d /tmp/conf/dev /tmp/rot
cat > /tmp/conf/init.scm <<'EOF'
(use-modules ((ice-9 ftw) #:select (scandir)))
(format #t "current-filename: ~s~%" (current-filename))
(for-each (lambda (file) (load (string-append "init.d/" file)))
  (scandir (string-append (dirname (current-filename)) "/init.d") (lambda (file) (string-suffix? ".scm" file))))
(use-modules (shepherd service system-log) (shepherd service log-rotation) (shepherd service timer) (shepherd support))
(format #t "dirs: ~s ~s ~s~%" %user-runtime-dir %user-log-dir %user-config-dir)
(register-services (list
  (system-log-service (list (endpoint (make-socket-address AF_UNIX "/tmp/conf/dev/log") #:style SOCK_DGRAM)
                            (endpoint (make-socket-address AF_INET INADDR_LOOPBACK 5514) #:style SOCK_DGRAM #:name "udp"))
     #:kernel-log-file "/tmp/klog" #:max-silent-time 3 #:history-size 4
     #:message-destination (lambda (m) (cond ((string-contains (system-log-message-content m) "boom") (error "dest boom"))
             ((= (system-log-message-priority m) (system-log-priority emergency)) '("/tmp/rot/emerg" "/tmp/rot/messages"))
             (else (list (format #f "/tmp/rot/f~a-p~a" (system-log-message-facility m) (system-log-message-priority m)) "/tmp/rot/messages")))))
  (log-rotation-service (calendar-event #:hours '(3) #:minutes '(0)) #:external-log-files '("/tmp/rot/external.log" "/tmp/rot/nothere" "/tmp/rot/small.log") #:rotation-size-threshold 100 #:expiry 1000)
  (service '(chatty) #:start (make-forkexec-constructor '("/bin/sh" "-c" "for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo line $i xxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done; sleep 3; echo after; sleep 3; echo after2; sleep 1000") #:log-file "/tmp/rot/chatty.log") #:stop (make-kill-destructor))))
EOF
echo '(format #t "a.scm loaded ~s~%" (current-filename)) (define from-a 42)' > /tmp/conf/init.d/a.scm
echo '(format #t "b.scm sees ~s~%" from-a)' > /tmp/conf/init.d/b.scm
: > /tmp/klog; echo '<6>[ 1.0] kernel says hi' >> /tmp/klog; echo 'bare kernel' >> /tmp/klog
up /tmp/conf/init.scm; cat /tmp/log
for s in system-log log-rotation chatty; do $H status $s > /dev/null; done
cap r01-start herd start system-log; ls -la /tmp/conf/dev
$H start chatty
python3 - <<'P'
import socket,time
u=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); u.sendto(b'<14>over udp',('127.0.0.1',5514)); time.sleep(0.2)
s=socket.socket(socket.AF_UNIX,socket.SOCK_DGRAM); s.connect('/tmp/conf/dev/log')
for m in [b'<13>Jun 22 16:41:30 prog[303]: with date',b'<10>bare message\n',b'no prio',b'<86>auth',b'<0>emergency!',b'<14>boom',b'<14>multi\nline msg',b'<14>caf\xc3\xa9 utf8',b'<14>latin \xe9',b'<14>',b'<999>big',b'<13>1 2003-10-11T22:14:15.003Z host app - - rfc5424', b'<14>'+b'x'*2000]:
    s.send(m)
P
sleep 0.5
cap r02-status herd status system-log -n 20
for f in /tmp/rot/*; do echo "== $f"; ls -la $f; cut -c1-200 $f; done
sleep 4; tail -3 /tmp/rot/messages
for i in $(seq 30); do echo "external line $i"; done > /tmp/rot/external.log; echo small > /tmp/rot/small.log
cp /tmp/rot/external.log /tmp/rot/external.log.1; gzip -k /tmp/rot/external.log.1; rm /tmp/rot/external.log.1; echo old > /tmp/rot/external.log.2; touch -d '2 hours ago' /tmp/rot/external.log.2; echo x > /tmp/rot/external.log.7.zst; echo y > /tmp/rot/external.log.foo
cap r03-start-rot herd start log-rotation
cap r04-files herd files log-rotation
cap r05-trigger herd trigger log-rotation
sleep 2
ls -la /tmp/rot; grep -i rotat /tmp/log; zcat /tmp/rot/chatty.log.1.gz; cat /tmp/rot/chatty.log
cap r06-status herd status log-rotation
sleep 3; cat /tmp/rot/chatty.log; $H status chatty
cap r07-trigger2 herd trigger log-rotation; sleep 1.5; ls /tmp/rot
cap r08-stop herd stop system-log; tail -5 /tmp/log
$H stop root
