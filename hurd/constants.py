"""Flags and selectors of the Hurd's and the kernel's routines.

Where Python's `os` module has a name of the same spelling its value is the Hurd's only on the Hurd,
so calls of this package take it from here.  From the Hurd's hurd_types.h, fs.h and process.defs,
glibc's bits/fcntl.h and sys/wait.h, gnumach's mach/port.h and mach/message.h.
"""

from __future__ import annotations

# How a node is opened (dir_lookup, file_name_lookup). Without O_READ, O_WRITE and O_EXEC the port
# is good for stat and for most of what concerns the node itself.
O_NORW = 0
O_RDONLY = O_READ = 0x1
O_WRONLY = O_WRITE = 0x2
O_RDWR = 0x3
O_EXEC = 0x4
O_NONBLOCK = 0x8
O_CREAT = 0x10
O_EXCL = 0x20
O_NOLINK = 0x40
O_NOTRANS = 0x80
O_APPEND = 0x100
O_ASYNC = 0x200
O_SYNC = O_FSYNC = 0x400
O_NOATIME = 0x800
O_TRUNC = 0x10000
O_SHLOCK = 0x20000
O_EXLOCK = 0x40000
O_IGNORE_CTTY = 0x80000
O_NOFOLLOW = 0x100000
O_DIRECTORY = 0x200000
O_CLOEXEC = 0x400000
O_TMPFILE = 0x800000

# What dir_lookup and fsys_getroot ask for next.
FS_RETRY_NORMAL = 1
FS_RETRY_REAUTH = 2
FS_RETRY_MAGICAL = 3

# file_set_translator.
FS_TRANS_FORCE = 0x1  # keep a record even where the node could be a link or a device itself
FS_TRANS_EXCL = 0x2  # EBUSY if there is one already
FS_TRANS_SET = 0x4
FS_TRANS_ORPHAN = 0x8  # let the old active translator run on

# fsys_goaway.
FSYS_GOAWAY_NOWAIT = 0x1
FSYS_GOAWAY_NOSYNC = 0x2
FSYS_GOAWAY_FORCE = 0x4
FSYS_GOAWAY_UNLINK = 0x8
FSYS_GOAWAY_RECURSE = 0x10

# Bits of st_mode beyond those of POSIX; seen through a port that was looked up with O_NOTRANS.
S_IPTRANS = 0o10000000  # has a passive translator
S_IATRANS = 0o20000000  # has an active one
S_IROOT = 0o40000000  # is the root of its file system

# file_exec, exec_exec.
EXEC_NEWTASK = 0x1
EXEC_SECURE = 0x2
EXEC_DEFAULTS = 0x4
EXEC_SIGTRAP = 0x8
EXEC_STACK_ARGS = 0x10

# file_lock (flock) and file_record_lock (fcntl).
LOCK_SH = 1
LOCK_EX = 2
LOCK_NB = 4
LOCK_UN = 8
F_RDLCK = 1
F_WRLCK = 2
F_UNLCK = 3
F_GETLK64 = 10
F_SETLK64 = 11
F_SETLKW64 = 12

# Ports and integers that every process starts with.
INIT_PORT_CWDIR = 0
INIT_PORT_CRDIR = 1
INIT_PORT_AUTH = 2
INIT_PORT_PROC = 3
INIT_PORT_CTTYID = 4
INIT_PORT_BOOTSTRAP = 5
INIT_PORT_MAX = 6
INIT_UMASK = 0
INIT_SIGMASK = 1
INIT_SIGIGN = 2
INIT_SIGPENDING = 3
INIT_TRACEMASK = 4
INIT_INT_MAX = 5

# io_select, inout select_type.
SELECT_READ = 1
SELECT_WRITE = 2
SELECT_URG = 4

# proc_getprocinfo: what to fetch, and the bits of `state`.
PI_FETCH_TASKINFO = 0x1
PI_FETCH_THREADS = 0x2
PI_FETCH_THREAD_BASIC = 0x4
PI_FETCH_THREAD_SCHED = 0x8
PI_FETCH_THREAD_WAITS = 0x10
PI_FETCH_TASKEVENTS = 0x20
PI_STOPPED = 0x1
PI_EXECED = 0x2
PI_WAITING = 0x4
PI_ORPHAN = 0x8
PI_NOMSG = 0x10
PI_SESSLD = 0x20
PI_NOTOWNED = 0x40
PI_NOPARENT = 0x80
PI_ZOMBIE = 0x100
PI_TRACED = 0x200
PI_GETMSG = 0x400
PI_LOGINLD = 0x800

# proc_wait, proc_waitid.
WNOHANG = 1
WUNTRACED = 2
WCONTINUED = 4
WNOWAIT = 8
WEXITED = 16

# startup_reboot, host_reboot. There is no flag for switching off: RB_HALT does if it can.
RB_AUTOBOOT = 0
RB_ASKNAME = 0x1
RB_SINGLE = 0x2
RB_KDB = 0x4
RB_HALT = 0x8
RB_INITNAME = 0x10
RB_DFLTROOT = 0x20
RB_ALTBOOT = 0x40
RB_DEBUGGER = 0x1000

# Signals that Python has no name for, and where the Hurd's numbers are its own.
SIGKILL = 9
SIGTERM = 15
SIGINFO = 29
SIGLOST = 32

# Names of ports.
MACH_PORT_NULL = 0
MACH_PORT_DEAD = 0xFFFFFFFF

# Kinds of rights (mach_port_allocate, _get_refs, _mod_refs); a type is a mask of 1 << kind + 16.
MACH_PORT_RIGHT_SEND = 0
MACH_PORT_RIGHT_RECEIVE = 1
MACH_PORT_RIGHT_SEND_ONCE = 2
MACH_PORT_RIGHT_PORT_SET = 3
MACH_PORT_RIGHT_DEAD_NAME = 4
MACH_PORT_TYPE_SEND = 0x10000
MACH_PORT_TYPE_RECEIVE = 0x20000
MACH_PORT_TYPE_SEND_ONCE = 0x40000
MACH_PORT_TYPE_PORT_SET = 0x80000
MACH_PORT_TYPE_DEAD_NAME = 0x100000

# How a message passes a right on: by giving it away, by sharing it, or by making one from a
# receive right.
MACH_MSG_TYPE_PORT_NAME = 15
MACH_MSG_TYPE_MOVE_RECEIVE = 16
MACH_MSG_TYPE_MOVE_SEND = 17
MACH_MSG_TYPE_MOVE_SEND_ONCE = 18
MACH_MSG_TYPE_COPY_SEND = 19
MACH_MSG_TYPE_MAKE_SEND = 20
MACH_MSG_TYPE_MAKE_SEND_ONCE = 21

# What the other fields of a message hold.
MACH_MSG_TYPE_BOOLEAN = 0
MACH_MSG_TYPE_INTEGER_32 = 2
MACH_MSG_TYPE_CHAR = 8
MACH_MSG_TYPE_INTEGER_64 = 11
MACH_MSG_TYPE_STRING_C = 12

# mach_msg.
MACH_MSGH_BITS_COMPLEX = 0x80000000
MACH_SEND_MSG = 0x1
MACH_RCV_MSG = 0x2
MACH_SEND_TIMEOUT = 0x10
MACH_SEND_NOTIFY = 0x20
MACH_SEND_INTERRUPT = 0x40
MACH_SEND_CANCEL = 0x80
MACH_RCV_TIMEOUT = 0x100
MACH_RCV_NOTIFY = 0x200
MACH_RCV_INTERRUPT = 0x400
MACH_RCV_LARGE = 0x800

# Messages from the kernel.
MACH_NOTIFY_PORT_DELETED = 65
MACH_NOTIFY_MSG_ACCEPTED = 66
MACH_NOTIFY_PORT_DESTROYED = 69
MACH_NOTIFY_NO_SENDERS = 70
MACH_NOTIFY_SEND_ONCE = 71
MACH_NOTIFY_DEAD_NAME = 72

# task_get_special_port, task_info, thread_info, host_info.
TASK_KERNEL_PORT = 1
TASK_EXCEPTION_PORT = 3
TASK_BOOTSTRAP_PORT = 4
TASK_BASIC_INFO = 1
TASK_EVENTS_INFO = 2
TASK_THREAD_TIMES_INFO = 3
THREAD_BASIC_INFO = 1
THREAD_SCHED_INFO = 2
HOST_BASIC_INFO = 1
HOST_PROCESSOR_SLOTS = 2
HOST_SCHED_INFO = 3
HOST_LOAD_INFO = 4

# vm_map, vm_wire.
VM_PROT_NONE = 0
VM_PROT_READ = 1
VM_PROT_WRITE = 2
VM_PROT_EXECUTE = 4
VM_INHERIT_SHARE = 0
VM_INHERIT_COPY = 1
VM_INHERIT_NONE = 2

# device_open.
D_READ = 1
D_WRITE = 2
D_NODELAY = 4
D_NOWAIT = 8

# st_fstype, statfs.
FSTYPE_UFS = 0x00
FSTYPE_NFS = 0x01
FSTYPE_TERM = 0x0E
FSTYPE_DEV = 0x0F
FSTYPE_PROC = 0x10
FSTYPE_IFSOCK = 0x11
FSTYPE_SOCKET = 0x15
FSTYPE_MISC = 0x16  # a single node of no file system: null, hello, …
FSTYPE_EXT2FS = 0x17
FSTYPE_MEMFS = 0x19
FSTYPE_ISO9660 = 0x1A
FSTYPE_PCI = 0x1B
FSTYPE_ACPI = 0x1C
