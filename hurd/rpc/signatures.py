"""Every routine of the Hurd and of the kernel that drover can call: the one place that says how.

From these lines come the C declarations (`hurd.rpc.build`), the conversion of arguments and results
(`hurd.rpc.marshal`), the messages of routines that no library has (`hurd.message`) and the tests'
stand-in.  They were produced from the Hurd's and gnumach's .defs files by mig.

A line is `id name(argument:type, …)`; `~` before the name marks a message without a reply, `!` a
routine that is not called again by itself after a signal interrupted it: the first call may have
had its effect, and a second would fail for that or do it twice.  The first argument is the port
that receives the message.  Arguments are `in`, or marked `out`, or `inout`.  Types:

    i32 u32 i64 u64   integers; `word` is an unsigned one as wide as a pointer
    P                 a port right;  P+disp: the caller says how the right is passed on
    N                 the name of a right in some task, which may not be a right of ours
    T[]               an array; `out` arrays may arrive in memory that the caller has to free
    T<n>              `out` array of at most n elements, in memory of the caller, who may ask for
                      less by the keyword `count`
    bytes, bytes<n>   the same of char; `pages`: bytes that have to begin at a page
    strN              a string in a field of N characters, NUL included
    flag              a truth value: an i32 that messages mark as such (elsewhere i32 does)
    …_t               a structure of `hurd.structures`
    waittime          how long to wait for the answer, in milliseconds; is not sent
"""

from __future__ import annotations

# Where the stubs of each interface live. None: in no library; the message is made by hand.
LIBRARIES: dict[str, str | None] = {
    **dict.fromkeys(
        ("fs", "io", "fsys", "process", "auth", "exec", "exec_startup", "msg", "startup",
         "password", "term", "interrupt"), "libhurduser.so.0.3",
    ),
    **dict.fromkeys(
        ("mach", "mach_port", "mach_host", "gnumach", "device", "default_pager"),
        "libmachuser.so.1",
    ),
    **dict.fromkeys(("startup_notify", "shutdown", "acpi", "hurd_default_pager")),
}  # fmt: skip

SIGNATURES = {
    "fs": """
20000 !file_exec(file:P, task:P, flags:i32, argv:bytes, envp:bytes, fdarray:P[]+disp,
    portarray:P[]+disp, intarray:i32[], deallocnames:N[], destroynames:N[])
20001 file_chown(file:P, new_owner:u32, new_group:u32)
20002 file_chauthor(file:P, new_author:u32)
20003 file_chmod(file:P, new_mode:u32)
20004 file_chflags(file:P, new_flags:i32)
20005 file_utimes(file:P, new_atime:time_value_t, new_mtime:time_value_t)
20006 file_set_size(file:P, new_size:i64)
20007 !file_lock(file:P, flags:i32)
20008 file_lock_stat(file:P, out mystatus:i32, out otherstatus:i32)
20009 file_check_access(file:P, out allowed:i32)
20010 file_notice_changes(file:P, port:P+disp)
20011 file_getcontrol(file:P, out control:P)
20012 file_statfs(file:P, out info:fsys_statfsbuf_t)
20013 file_sync(file:P, wait:i32, omit_metadata:i32)
20014 file_syncfs(file:P, wait:i32, do_children:i32)
20015 file_get_storage_info(file:P, out ports:P[], out ints:i32[], out offsets:i64[],
    out data:bytes)
20016 file_getlinknode(file:P, out linknode:P)
20017 file_getfh(file:P, out filehandle:bytes)
20018 dir_lookup(directory:P, file_name:str1024, flags:i32, mode:u32, out do_retry:i32,
    out retry_name:str1024, out result:P)
20019 dir_readdir(directory:P, out data:bytes, entry:i32, nentries:i32, bufsiz:word,
    out amount:i32)
20020 !dir_mkdir(directory:P, name:str1024, mode:u32)
20021 !dir_rmdir(directory:P, name:str1024)
20022 !dir_unlink(directory:P, name:str1024)
20023 !dir_link(directory:P, file:P, name:str1024, excl:i32)
20024 !dir_rename(directory:P, oldname:str1024, newdirectory:P, newname:str1024, excl:i32)
20025 dir_mkfile(directory:P, flags:i32, mode:u32, out newnode:P)
20026 dir_notice_changes(directory:P, port:P+disp)
20027 !file_set_translator(file:P, passive_flags:i32, active_flags:i32, oldtrans_flags:i32,
    passive:bytes, active:P+disp)
20028 file_get_translator(file:P, out translator:bytes)
20029 file_get_translator_cntl(file:P, out translator_cntl:P)
20030 file_get_fs_options(file:P, out options:bytes)
20031 !file_reparent(file:P, parent:P, out new_file:P)
20034 !file_exec_paths(file:P, task:P, flags:i32, path:str1024, abspath:str1024, argv:bytes,
    envp:bytes, fdarray:P[]+disp, portarray:P[]+disp, intarray:i32[], deallocnames:N[],
    destroynames:N[])
20035 file_utimens(file:P, new_atime:timespec_t, new_mtime:timespec_t)
20036 !file_record_lock(file:P, cmd:i32, inout flock64:flock_t, rendezvous:P+disp)
""",
    "io": """
21000 io_write(io_object:P, data:bytes, offset:i64, out amount:word)
21001 io_read(io_object:P, out data:bytes, offset:i64, amount:word)
21002 io_seek(io_object:P, offset:i64, whence:i32, out newp:i64)
21003 io_readable(io_object:P, out amount:word)
21004 io_set_all_openmodes(io_object:P, newbits:i32)
21005 io_get_openmodes(io_object:P, out bits:i32)
21006 io_set_some_openmodes(io_object:P, bits_to_set:i32)
21007 io_clear_some_openmodes(io_object:P, bits_to_clear:i32)
21008 io_async(io_object:P, notify_port:P+disp, out async_id_port:P)
21009 io_mod_owner(io_object:P, owner:i32)
21010 io_get_owner(io_object:P, out owner:i32)
21011 io_get_icky_async_id(io_object:P, out icky_async_id_port:P)
21012 io_select(io_object:P, reply:P, timeout:u32, inout select_type:i32)
21013 io_stat(io_object:P, out stat_info:io_statbuf_t)
21014 ~io_reauthenticate(io_object:P, rendezvous2:P+disp)
21015 io_restrict_auth(io_object:P, out new_object:P, uids:u32[], gids:u32[])
21016 io_duplicate(io_object:P, out newport:P)
21017 io_server_version(io_object:P, out server_name:str1024, out server_major_version:i32,
    out server_minor_version:i32, out server_edit_level:i32)
21018 io_map(io_object:P, out memobjrd:P, out memobjwt:P)
21019 io_map_cntl(io_object:P, out memobj:P)
21020 io_get_conch(io_object:P)
21021 io_release_conch(io_object:P)
21022 io_eofnotify(io_object:P)
21023 io_prenotify(io_object:P, write_start:word, write_end:word)
21024 io_postnotify(io_object:P, write_start:word, write_end:word)
21025 io_readnotify(io_object:P)
21026 io_readsleep(io_object:P)
21027 io_sigio(io_object:P)
21028 io_pathconf(io_object:P, name:i32, out value:i32)
21029 io_identity(io_object:P, out idport:P, out fsidport:P, out fileno:u64)
21030 io_revoke(io_object:P)
21031 io_select_timeout(io_object:P, reply:P, timeout:timespec_t, inout select_type:i32)
""",
    "fsys": """
22000 !fsys_startup(bootstrap:P, openflags:i32, control_port:P+disp, out realnode:P)
22001 !fsys_goaway(fsys:P, flags:i32)
22002 fsys_getroot(fsys:P, dotdot_node:P+disp, gen_uids:u32[], gen_gids:u32[], flags:i32,
    out do_retry:i32, out retry_name:str1024, out file:P)
22003 fsys_getfile(fsys:P, gen_uids:u32[], gen_gids:u32[], filehandle:bytes, out file:P)
22004 fsys_syncfs(fsys:P, wait:i32, do_children:i32)
22005 fsys_set_options(fsys:P, options:bytes, do_children:i32)
22006 fsys_getpriv(fsys:P, out host_priv:P, out device_master:P, out fstask:P)
22007 !fsys_init(fsys:P, proc_server:P+disp, auth_handle:P)
22008 !fsys_forward(fsys:P, requestor:P+disp, argv:bytes)
22009 fsys_get_options(fsys:P, out options:bytes)
22010 fsys_get_children(fsys:P, out names:bytes, out controls:P[])
22011 fsys_get_source(fsys:P, out source:str1024)
""",
    "process": """
24004 proc_getprivports(process:P, out host_priv:P, out device_master:P)
24005 proc_getallpids(process:P, out pidarray:i32[])
24006 proc_setexecdata(process:P, ports:P[]+disp, ints:i32[])
24007 proc_getexecdata(process:P, out ports:P[], out ints:i32[])
24008 proc_execdata_notify(process:P, notify:P+disp)
24009 proc_uname(process:P, out uname:utsname_t)
24010 !proc_register_version(process:P, credential:P, name:str1024, release:str1024,
    version:str1024)
24011 ~proc_reauthenticate(process:P, rendezvous:P+disp)
24012 !proc_child(process:P, child:P)
24013 proc_setmsgport(process:P, newmsgport:P, out oldmsgport:P)
24014 !proc_reassign(process:P, newtask:P)
24015 proc_setowner(process:P, owner:u32, clear:i32)
24016 proc_getpids(process:P, out pid:i32, out ppid:i32, out orphaned:i32)
24017 proc_set_arg_locations(process:P, argv:word, envp:word)
24018 proc_get_arg_locations(process:P, out argv:word, out envp:word)
24019 proc_getmsgport(process:P, pid:i32, out msgport:P)
24020 proc_wait(process:P, pid:i32, options:i32, out status:i32, out sigcode:i32,
    out rusage:rusage_t, out pid_status:i32)
24021 !proc_dostop(process:P, contthread:P)
24022 proc_handle_exceptions(process:P, msgport:P, forwardport:P+disp, flavor:i32,
    new_state:i32[])
24023 proc_mark_stop(process:P, signo:i32, sigcode:i32)
24024 proc_mark_cont(process:P)
24025 proc_mark_exit(process:P, status:i32, sigcode:i32)
24026 proc_mark_exec(process:P)
24027 proc_mark_traced(process:P)
24028 proc_mod_stopchild(process:P, doit:i32)
24029 proc_pid2task(process:P, pid:i32, out task:P)
24030 proc_task2pid(process:P, task:P, out pid:i32)
24031 proc_task2proc(process:P, task:P, out proc:P)
24032 proc_proc2task(process:P, out task:P)
24033 proc_pid2proc(process:P, pid:i32, out proc:P)
24034 proc_getprocinfo(process:P, which:i32, inout flags:i32, out procinfo:i32[],
    out threadwaits:bytes)
24035 proc_getprocargs(process:P, which:i32, out procargs:bytes)
24036 proc_getprocenv(process:P, which:i32, out procenv:bytes)
24037 !proc_make_login_coll(process:P)
24038 proc_getloginid(process:P, pid:i32, out login_id:i32)
24039 proc_getloginpids(process:P, id:i32, out pids:i32[])
24040 proc_setlogin(process:P, logname:str1024)
24041 proc_getlogin(process:P, out logname:str1024)
24042 !proc_setsid(process:P)
24043 proc_getsid(process:P, pid:i32, out sid:i32)
24044 proc_getsessionpgids(process:P, sid:i32, out pgidset:i32[])
24045 proc_getsessionpids(process:P, sid:i32, out pidset:i32[])
24046 proc_getsidport(process:P, out sessport:P)
24047 proc_setpgrp(process:P, pid:i32, pgrp:i32)
24048 proc_getpgrp(process:P, pid:i32, out pgrp:i32)
24049 proc_getpgrppids(process:P, pgrp:i32, out pidset:i32[])
24050 proc_get_tty(process:P, target_process:i32, out tty:P)
24051 proc_getnports(process:P, which:i32, out nports:u32)
24052 proc_set_init_task(process:P, task:P)
24053 proc_mark_important(process:P)
24054 proc_is_important(process:P, out essential:i32)
24055 proc_set_code(process:P, start_code:word, end_code:word)
24056 proc_get_code(process:P, out start_code:word, out end_code:word)
24057 proc_make_task_namespace(process:P, notify:P+disp)
24058 proc_set_exe(process:P, path:str1024)
24059 proc_get_exe(process:P, which:i32, out path:str1024)
24060 proc_set_entry(process:P, entry:word)
24061 proc_get_entry(process:P, out entry:word)
24062 proc_waitid(process:P, pid:i32, options:i32, out status:i32, out sigcode:i32,
    out rusage:rusage_t, out pid_status:i32)
24063 ~proc_reauthenticate_reassign(process:P, rendezvous:P+disp, new_task:P)
24064 ~proc_reauthenticate_complete(process:P)
24065 proc_getchildren_rusage(process:P, out children_rusage:rusage_t)
""",
    "auth": """
25000 auth_getids(handle:P, out euids:u32[], out auids:u32[], out egids:u32[], out agids:u32[])
25001 auth_makeauth(handle:P, other_handles:P[]+disp, euids:u32[], auids:u32[], egids:u32[],
    agids:u32[], out newhandle:P)
25002 !auth_user_authenticate(handle:P, rendezvous:P+disp, out newport:P)
25003 !auth_server_authenticate(handle:P, rendezvous:P+disp, newport:P+disp, out euids:u32[],
    out auids:u32[], out egids:u32[], out agids:u32[])
""",
    "exec": """
30000 !exec_exec(execserver:P, file:P+disp, oldtask:P, flags:i32, argv:bytes, envp:bytes,
    dtable:P[]+disp, portarray:P[]+disp, intarray:i32[], deallocnames:N[], destroynames:N[])
30002 !exec_init(execserver:P, auth_handle:P, proc_server:P+disp)
30003 ~exec_setexecdata(execserver:P, ports:P[]+disp, ints:i32[])
30004 !exec_exec_paths(execserver:P, file:P+disp, oldtask:P, flags:i32, path:str1024,
    abspath:str1024, argv:bytes, envp:bytes, dtable:P[]+disp, portarray:P[]+disp,
    intarray:i32[], deallocnames:N[], destroynames:N[])
""",
    "exec_startup": """
30500 exec_startup_get_info(bootstrap:P, out user_entry:word, out phdr_data:word,
    out phdr_size:word, out stack_base:word, out stack_size:word, out flags:i32, out argv:bytes,
    out envp:bytes, out dtable:P[], out portarray:P[], out intarray:i32[])
""",
    "msg": """
23000 msg_sig_post(process:P, signal:i32, sigcode:u32, refport:P)
23001 msg_proc_newids(process:P, task:P, ppid:i32, pgrp:i32, orphaned:i32)
23002 msg_add_auth(process:P, auth:P)
23003 msg_del_auth(process:P, task:P, uids:i32[], gids:i32[])
23004 msg_get_init_port(process:P, refport:P, which:i32, out port:P)
23005 msg_set_init_port(process:P, refport:P, which:i32, port:P+disp)
23006 msg_get_init_ports(process:P, refport:P, out ports:P[])
23007 msg_set_init_ports(process:P, refport:P, ports:P[]+disp)
23008 msg_get_init_int(process:P, refport:P, which:i32, out value:i32)
23009 msg_set_init_int(process:P, refport:P, which:i32, value:i32)
23010 msg_get_init_ints(process:P, refport:P, out values:i32[])
23011 msg_set_init_ints(process:P, refport:P, values:i32[])
23012 msg_get_dtable(process:P, refport:P, out dtable:P[])
23013 msg_set_dtable(process:P, refport:P, dtable:P[]+disp)
23014 msg_get_fd(process:P, refport:P, fd:i32, out port:P)
23015 msg_set_fd(process:P, refport:P, fd:i32, port:P+disp)
23016 msg_get_environment(process:P, out value:bytes)
23017 msg_set_environment(process:P, refport:P, value:bytes)
23018 msg_get_env_variable(process:P, variable:str1024, out value:bytes)
23019 msg_set_env_variable(process:P, refport:P, variable:str1024, value:str1024, replace:i32)
23022 msg_sig_post_untraced(process:P, signal:i32, sigcode:u32, refport:P)
23023 msg_report_wait(process:P, thread:P, out wait_desc:str1024, out wait_rpc:i32)
23024 msg_describe_ports(process:P, refport:P, names:N[], out descriptions:bytes)
""",
    "startup": """
29000 startup_essential_task(server:P, task:P, excpt:P, name:str1024, credential:P)
29001 startup_request_notification(server:P, notify_port:P+disp, name:str1024)
29002 startup_reboot(server:P, refport:P, reboot_code:i32)
29003 startup_procinit(server:P, startup_proc:P, out startup_task:P, out auth:P,
    out host_priv:P, out device_master:P)
29004 startup_authinit(server:P, auth:P+disp, out proc:P)
""",
    "startup_notify": """
29500 startup_dosync(port:P, timeout:waittime)
""",
    "password": """
38000 password_check_user(server:P, user:u32, pw:str1024, out auth:P)
38001 password_check_group(server:P, group:u32, pw:str1024, out auth:P)
""",
    "term": """
28000 term_getctty(terminal:P, out ctty:P)
28001 !term_open_ctty(terminal:P, pid:i32, pgrp:i32, out newtty:P)
28002 term_set_nodename(terminal:P, name:str1024)
28003 term_get_nodename(terminal:P, out name:str1024)
28004 term_set_filenode(terminal:P, filenode:P)
28005 term_get_bottom_type(terminal:P, out ttype:i32)
28006 term_on_machdev(terminal:P, machdev:P)
28007 term_on_hurddev(terminal:P, hurddev:P)
28008 term_on_pty(terminal:P, out ptymaster:P)
28009 !termctty_open_terminal(ctty:P, flags:i32, out terminal:P)
28010 term_get_peername(terminal:P, out name:str1024)
""",
    "shutdown": """
40000 shutdown_shutdown(server:P)
""",
    "acpi": """
41000 acpi_sleep(master:P, sleep_state:i32)
41001 acpi_get_pci_irq(master:P, bus:i32, dev:i32, func:i32, out irq:i32)
""",
    "interrupt": """
33000 interrupt_operation(object:P, timeout:u32)
""",
    "mach": """
2007 task_create(task:P, inherit_memory:i32, out child_task:P)
2008 task_terminate(task:P)
2011 task_threads(task:P, out thread_list:P[])
2012 task_info(task:P, flavor:i32, out task_info_out:i32<1024>)
2016 thread_terminate(thread:P)
2017 thread_get_state(thread:P, flavor:i32, out old_state:i32<1024>)
2018 thread_set_state(thread:P, flavor:i32, new_state:i32[])
2019 thread_info(thread:P, flavor:i32, out thread_info_out:i32<1024>)
2021 vm_allocate(task:P, inout address:word, size:word, anywhere:i32)
2023 vm_deallocate(task:P, address:word, size:word)
2026 vm_read(task:P, address:word, size:word, out data:bytes)
2027 vm_write(task:P, address:word, data:pages)
2029 vm_region(task:P, inout address:word, out size:word, out protection:i32,
    out max_protection:i32, out inheritance:i32, out is_shared:i32, out object_name:P,
    out offset:word)
2030 vm_statistics(task:P, out vm_stats:vm_statistics_data_t)
2033 mach_ports_register(task:P, init_port_set:P[])
2034 mach_ports_lookup(task:P, out init_port_set:P[])
2041 vm_set_default_memory_manager(host_priv:P, inout default_manager:P)
2056 task_suspend(task:P)
2057 task_resume(task:P)
2058 task_get_special_port(task:P, which_port:i32, out special_port:P)
2059 task_set_special_port(task:P, which_port:i32, special_port:P)
2062 thread_suspend(thread:P)
2063 thread_resume(thread:P)
2064 thread_abort(thread:P)
2089 vm_map(task:P, inout address:word, size:word, mask:word, anywhere:i32, memory_object:P,
    offset:word, copy:i32, cur_protection:i32, max_protection:i32, inheritance:i32)
""",
    "mach_port": """
3200 mach_port_names(task:P, out names:N[], out types:u32[])
3201 mach_port_type(task:P, name:N, out ptype:u32)
3202 mach_port_rename(task:P, old_name:N, new_name:N)
3204 mach_port_allocate(task:P, right:u32, out name:N)
3205 mach_port_destroy(task:P, name:N)
3206 mach_port_deallocate(task:P, name:N)
3207 mach_port_get_refs(task:P, name:N, right:u32, out refs:u32)
3208 mach_port_mod_refs(task:P, name:N, right:u32, delta:i32)
3210 mach_port_set_qlimit(task:P, name:N, qlimit:u32)
3213 mach_port_move_member(task:P, member:N, after:N)
3214 mach_port_request_notification(task:P, name:N, id:i32, sync:u32, notify:P+disp,
    out previous:P)
3215 mach_port_insert_right(task:P, name:N, right:P+disp)
3216 mach_port_extract_right(task:P, name:N, disposition:u32, out right:P+disp)
3217 mach_port_get_receive_status(task:P, name:N, out status:mach_port_status_t)
""",
    "mach_host": """
2606 processor_set_default(host:P, out default_set:P)
2616 task_assign(task:P, new_set:P, assign_threads:i32)
2622 task_priority(task:P, priority:i32, change_threads:i32)
2627 processor_set_tasks(processor_set:P, out task_list:P[])
2629 host_processor_sets(host:P, out processor_sets:P[])
2630 host_processor_set_priv(host_priv:P, set_name:P, out set:P)
2635 host_reboot(host_priv:P, options:i32)
2636 vm_wire(host:P, task:P, address:word, size:word, access:i32)
2637 thread_wire(host_priv:P, thread:P, wired:i32)
2638 host_info(host:P, flavor:i32, out host_info_out:i32<1024>)
2643 host_get_time64(host:P, out current_time:time_value64_t)
2644 host_set_time64(host_priv:P, new_time:time_value64_t)
2645 host_adjust_time64(host_priv:P, new_adjustment:time_value64_t,
    out old_adjustment:time_value64_t)
2646 host_get_kernel_version(host:P, out kernel_version:str512)
2647 host_get_uptime64(host:P, out uptime:time_value64_t)
2649 task_max_priority(host:P, task:P, max_priority:i32, set_priority:i32, change_threads:i32)
""",
    "gnumach": """
4200 vm_cache_statistics(task:P, out vm_cache_stats:vm_cache_statistics_data_t)
4202 ~task_set_name(task:P, name:str64)
4203 register_new_task_notification(host_priv:P, notification:P+disp)
4207 vm_wire_all(host:P, task:P, flags:i32)
4211 ~task_set_essential(task:P, essential:i32)
4213 ~thread_set_name(thread:P, name:str64)
4214 thread_get_name(thread:P, out name:str64)
4215 vm_set_size_limit(host_port:P, map:P, current_limit:word, max_limit:word)
4216 vm_get_size_limit(map:P, out current_limit:word, out max_limit:word)
""",
    "device": """
2800 device_open(master:P, mode:u32, name:str128, out device:P)
2801 device_close(device:P)
2802 device_write(device:P, mode:u32, recnum:word, data:bytes, out bytes_written:i32)
2803 device_write_inband(device:P, mode:u32, recnum:word, data:bytes, out bytes_written:i32)
2804 device_read(device:P, mode:u32, recnum:word, bytes_wanted:i32, out data:bytes)
2805 device_read_inband(device:P, mode:u32, recnum:word, bytes_wanted:i32, out data:bytes<128>)
2809 device_map(device:P, prot:i32, offset:word, size:word, out pager:P, unmap:i32)
2810 device_set_status(device:P, flavor:u32, status:i32[])
2811 device_get_status(device:P, flavor:u32, out status:i32<1024>)
""",
    "default_pager": """
2275 default_pager_object_create(default_pager:P, out memory_object:P, object_size:word)
2276 default_pager_info(default_pager:P, out info:default_pager_info_t)
2277 default_pager_objects(default_pager:P, out objects:default_pager_object_t[], out ports:P[])
2278 default_pager_object_pages(default_pager:P, memory_object:P,
    out pages:default_pager_page_t[])
""",
    "hurd_default_pager": """
2282 default_pager_object_set_size(memory_object:P, object_size_limit:word)
2283 default_pager_storage_info(default_pager:P, out size:word[], out free:word[],
    out name:bytes)
2284 default_pager_paging_storage_new(default_pager:P, device_port:P, runs:word[], name:str256,
    add:flag)
""",
}
