"""Runs in the guest: tasks, threads, memory, the host and its devices."""

from __future__ import annotations

import time
from collections.abc import Callable

from guest_checks import check, plain, with_node

from hurd import constants as c
from hurd import device, fs, lookup, mach, mach_host, memory, process
from hurd.ports import Port


def kernel() -> None:
    this = mach.mach_task_self()
    check("task info", lambda: mach.task_basic_info(this))
    check("task events", lambda: mach.task_events_info(this))
    check("bad flavor", lambda: mach.task_info(this, 77))
    check("threads", lambda: len(task_threads()) >= 2)
    check("thread info", with_thread(mach.thread_basic_info))
    check("thread name", with_thread(named_thread))
    check("special port", lambda: mach.task_get_special_port(this, c.TASK_KERNEL_PORT))
    check("registered", lambda: mach.mach_ports_lookup(this))
    check("port names", lambda: len(mach.mach_port_names(this).names) > 5)
    check("set name", lambda: mach.task_set_name(this, "bindings"))

    def host(action: Callable[[Port], object]) -> Callable[[], object]:
        def run() -> object:
            with mach_host.mach_host_self() as port:
                return plain(action(port))

        return run

    def privileged(action: Callable[[Port], object]) -> Callable[[], object]:
        def run() -> object:
            host_priv, master = lookup.get_privileged_ports()
            with host_priv, master:
                return plain(action(host_priv))

        return run

    check("host info", host(mach_host.host_basic_info))
    check("host load", host(mach_host.host_load_info))
    check("kernel version", host(mach_host.host_get_kernel_version))
    check("time", host(lambda port: abs(mach_host.host_get_time64(port).seconds - time.time()) < 3))
    check("uptime", host(lambda port: 0 < mach_host.host_get_uptime64(port).seconds < 10000))
    check("adjust time", privileged(lambda port: mach_host.host_adjust_time64(
        port, type(mach_host.host_get_uptime64(port))(0, 0)
    )))  # fmt: skip
    check("processor set", host(mach_host.processor_set_default))
    check("processor sets", privileged(mach_host.host_processor_sets))
    check("tasks of the machine", privileged(all_tasks))
    check("virtual memory", lambda: memory.vm_statistics(this))
    check("cache", lambda: memory.vm_cache_statistics(this))
    check("allocate", allocated)
    check("region", lambda: memory.vm_region(this, 0))
    check("size limit", lambda: memory.vm_get_size_limit(this))
    check("default pager", privileged(lambda p: memory.vm_set_default_memory_manager(p, None)))
    check("task", made_task)
    check("device", with_device(lambda port: device.device_get_status(port, 0)))
    check("device missing", lambda: opened_device("nothing"))
    check(
        "device read", with_device(lambda port: device.device_read(port, 0, 0, 512)[510:512].hex())
    )
    check("device inband", with_device(
        lambda port: len(device.device_read_inband(port, 0, 0, 128))
    ))  # fmt: skip
    check("null destination", lambda: fs.file_getcontrol(Port(0)))
    check("wrong server", with_node("/", 0, lambda port: process.proc_getpids(port)))
    check("bad name", lambda: mach.mach_port_type(this, 0x7FFFFFF3))


def task_threads() -> list[object]:
    return [plain(thread) for thread in mach.task_threads(mach.mach_task_self())]


def with_thread(action: Callable[[Port], object]) -> Callable[[], object]:
    def run() -> object:
        with mach.mach_thread_self() as thread:
            return plain(action(thread))

    return run


def named_thread(thread: Port) -> str:
    mach.thread_set_name(thread, "bindings")
    return mach.thread_get_name(thread)


def all_tasks(host: Port) -> object:
    with (
        mach_host.processor_set_default(host) as name,
        mach_host.host_processor_set_priv(host, name) as pset,
    ):
        tasks = mach_host.processor_set_tasks(pset)
        for task in tasks:
            task.close()
        return len(tasks) > 5


def allocated() -> object:
    this = mach.mach_task_self()
    address = memory.vm_allocate(this, 0, 8192, True)
    memory.vm_write(this, address, b"drover".ljust(4096, b"\0"))
    read = memory.vm_read(this, address, 4096)
    memory.vm_deallocate(this, address, 8192)
    return [read[:6].decode(), len(read)]


def made_task() -> object:
    with mach.task_create(mach.mach_task_self(), False) as task:
        mach.task_suspend(task)
        count = mach.task_basic_info(task).suspend_count
        mach.task_resume(task)
        mach.task_priority(task, 25, False)
        mach.task_terminate(task)
        kinds = mach.mach_port_type(mach.mach_task_self(), task.name)
        return [count, bool(kinds & c.MACH_PORT_TYPE_DEAD_NAME)]


def opened_device(name: str) -> Port:
    host, master = lookup.get_privileged_ports()
    with host, master:
        return device.device_open(master, c.D_READ, name)


def with_device(action: Callable[[Port], object]) -> Callable[[], object]:
    def run() -> object:
        with opened_device("hd0") as port:
            return plain(action(port))

    return run
