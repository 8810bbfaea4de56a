"""The C structures that routines take and return, with the names and the order of C.

An annotation is the C type of the field, from which the declarations are made; integers come out as
`int`, structures as one of these classes, strings as `str`.  Sizes differ between i686 and x86_64
because `long` and pointers do; cffi works the layout out for the machine it runs on.  From the
Hurd's hurd_types.h, glibc's bits/stat.h, statfs.h and resource.h, and gnumach's mach/*.h.
"""

from __future__ import annotations

from hurd.results import Result

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    i32: TypeAlias = int
    u32: TypeAlias = int
    i64: TypeAlias = int
    u64: TypeAlias = int
    word: TypeAlias = int
    long: TypeAlias = int
    ulong: TypeAlias = int
    char1024: TypeAlias = str


class Timespec(Result):
    """Seconds and nanoseconds."""

    tv_sec: long
    tv_nsec: long


class TimeValue(Result):
    """Seconds and microseconds."""

    seconds: long
    microseconds: i32


class TimeValue64(Result):
    """Seconds and nanoseconds."""

    seconds: i64
    nanoseconds: i64


class Stat(Result):
    """`struct stat64`; `st_mode` has the translator bits of `hurd.constants` (S_IPTRANS, …)."""

    st_fstype: u32
    st_fsid: u64
    st_ino: u64
    st_gen: u32
    st_rdev: ulong
    st_mode: u32
    st_nlink: ulong
    st_uid: u32
    st_gid: u32
    st_size: i64
    st_atim: Timespec
    st_mtim: Timespec
    st_ctim: Timespec
    st_blksize: long
    st_blocks: i64
    st_author: u32
    st_flags: u32


class Statfs(Result):
    """`struct statfs64`; sizes of files are counted in blocks of `f_bsize` bytes."""

    f_type: u32
    f_bsize: ulong
    f_blocks: u64
    f_bfree: u64
    f_bavail: u64
    f_files: u64
    f_ffree: u64
    f_fsid: u64
    f_namelen: ulong
    f_favail: u64
    f_frsize: ulong
    f_flag: ulong


class Flock(Result):
    """`struct flock64`: a record lock; `l_len` 0 reaches to the end of the file."""

    l_type: i32
    l_whence: i32
    l_start: i64
    l_len: i64
    l_pid: i32


class Timeval(Result):
    """Seconds and microseconds, of resource usage."""

    tv_sec: long
    tv_usec: long


class Rusage(Result):
    """`struct rusage`."""

    ru_utime: Timeval
    ru_stime: Timeval
    ru_maxrss: long
    ru_ixrss: long
    ru_idrss: long
    ru_isrss: long
    ru_minflt: long
    ru_majflt: long
    ru_nswap: long
    ru_inblock: long
    ru_oublock: long
    ru_msgsnd: long
    ru_msgrcv: long
    ru_nsignals: long
    ru_nvcsw: long
    ru_nivcsw: long


class Utsname(Result):
    """`struct utsname`."""

    sysname: char1024
    nodename: char1024
    release: char1024
    version: char1024
    machine: char1024


class TaskBasicInfo(Result):
    """task_info, TASK_BASIC_INFO; sizes in bytes, times of threads that have ended."""

    suspend_count: i32
    base_priority: i32
    virtual_size: word
    resident_size: word
    user_time: TimeValue
    system_time: TimeValue
    creation_time: TimeValue
    user_time64: TimeValue64
    system_time64: TimeValue64
    creation_time64: TimeValue64


class TaskEventsInfo(Result):
    """task_info, TASK_EVENTS_INFO."""

    faults: word
    zero_fills: word
    reactivations: word
    pageins: word
    cow_faults: word
    messages_sent: word
    messages_received: word


class ThreadBasicInfo(Result):
    """thread_info, THREAD_BASIC_INFO; `cpu_usage` in thousandths of a processor."""

    user_time: TimeValue
    system_time: TimeValue
    cpu_usage: i32
    base_priority: i32
    cur_priority: i32
    run_state: i32
    flags: i32
    suspend_count: i32
    sleep_time: i32
    creation_time: TimeValue
    user_time64: TimeValue64
    system_time64: TimeValue64
    creation_time64: TimeValue64


class ThreadSchedInfo(Result):
    """thread_info, THREAD_SCHED_INFO."""

    policy: i32
    data: i32
    base_priority: i32
    max_priority: i32
    cur_priority: i32
    depressed: i32
    depress_priority: i32
    last_processor: i32


class ProcInfoHeader(Result):
    """What proc_getprocinfo says of a process; the threads follow in the same array."""

    state: i32
    owner: u32
    ppid: i32
    pgrp: i32
    session: i32
    logincollection: i32
    exitstatus: i32
    sigcode: i32
    nthreads: i32
    taskinfo: TaskBasicInfo
    taskevents: TaskEventsInfo


class ProcInfoThread(Result):
    """What proc_getprocinfo says of each thread; `died` is odd if it had ended meanwhile."""

    died: u32
    rpc_block: u32
    basic: ThreadBasicInfo
    sched: ThreadSchedInfo


class VmStatistics(Result):
    """vm_statistics; counts are pages of `pagesize` bytes."""

    pagesize: i32
    free_count: i32
    active_count: i32
    inactive_count: i32
    wire_count: i32
    zero_fill_count: i32
    reactivations: i32
    pageins: i32
    pageouts: i32
    faults: i32
    cow_faults: i32
    lookups: i32
    hits: i32


class VmCacheStatistics(Result):
    """vm_cache_statistics; counts are pages."""

    cache_object_count: i32
    cache_count: i32
    active_tmp_count: i32
    inactive_tmp_count: i32
    active_perm_count: i32
    inactive_perm_count: i32
    dirty_count: i32
    laundry_count: i32
    writeback_count: i32
    slab_count: i32
    slab_reclaim_count: i32


class PortStatus(Result):
    """mach_port_get_receive_status; `mps_srights` says whether send rights exist."""

    mps_pset: u32
    mps_seqno: u32
    mps_mscount: u32
    mps_qlimit: u32
    mps_msgcount: u32
    mps_sorights: u32
    mps_srights: i32
    mps_pdrequest: i32
    mps_nsrequest: i32


class HostBasicInfo(Result):
    """host_info, HOST_BASIC_INFO; the memory's size in bytes."""

    max_cpus: i32
    avail_cpus: i32
    memory_size: word
    cpu_type: i32
    cpu_subtype: i32


class HostLoadInfo(Result):
    """host_info, HOST_LOAD_INFO: averages over 5, 30 and 60 seconds, in thousandths."""

    avenrun_5: i32
    avenrun_30: i32
    avenrun_60: i32
    mach_factor_5: i32
    mach_factor_30: i32
    mach_factor_60: i32


class DefaultPagerInfo(Result):
    """default_pager_info: swap space, in bytes."""

    dpi_total_space: word
    dpi_free_space: word
    dpi_page_size: word


class DefaultPagerObject(Result):
    """One object of the default pager and the bytes it holds."""

    dpo_object: word
    dpo_size: word


class DefaultPagerPage(Result):
    """The offset of one page that the default pager holds."""

    dpp_offset: word


# The names of C, in an order in which each is declared before it is used.
STRUCTURES: dict[str, type] = {
    "timespec_t": Timespec,
    "time_value_t": TimeValue,
    "time_value64_t": TimeValue64,
    "io_statbuf_t": Stat,
    "fsys_statfsbuf_t": Statfs,
    "flock_t": Flock,
    "timeval_t": Timeval,
    "rusage_t": Rusage,
    "utsname_t": Utsname,
    "task_basic_info_t": TaskBasicInfo,
    "task_events_info_t": TaskEventsInfo,
    "thread_basic_info_t": ThreadBasicInfo,
    "thread_sched_info_t": ThreadSchedInfo,
    "procinfo_header_t": ProcInfoHeader,
    "procinfo_thread_t": ProcInfoThread,
    "vm_statistics_data_t": VmStatistics,
    "vm_cache_statistics_data_t": VmCacheStatistics,
    "mach_port_status_t": PortStatus,
    "host_basic_info_t": HostBasicInfo,
    "host_load_info_t": HostLoadInfo,
    "default_pager_info_t": DefaultPagerInfo,
    "default_pager_object_t": DefaultPagerObject,
    "default_pager_page_t": DefaultPagerPage,
}

# Words at the end that mean nothing yet.
SPARE = {"io_statbuf_t": 8, "fsys_statfsbuf_t": 3}
