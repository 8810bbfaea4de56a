"""Write `_libc_abi.py`: the C declarations of `hurd.system`, for cffi's out-of-line ABI mode.

Run by hand when the declarations change (needs cffi; the result needs only its _cffi_backend):
`python -m hurd.system.libc_build`.  A test compares the two.
"""

from __future__ import annotations

from pathlib import Path

from hurd.rpc.build import write_abi

DECLARATIONS = """
    int prctl(int option, unsigned long, unsigned long, unsigned long, unsigned long);
    int reboot(int command);
    int mount(const char *source, const char *target, const char *type, unsigned long flags,
              const char *data);
    int umount2(const char *target, int flags);
    int swapon(const char *path, int flags);
    int swapoff(const char *path);
    int inotify_init1(int flags);
    int inotify_add_watch(int fd, const char *path, uint32_t mask);

    int posix_spawn(int *pid, const char *path, const void *actions, const void *attributes,
                    char **arguments, char **environment);
    int posix_spawn_file_actions_init(void *actions);
    int posix_spawn_file_actions_destroy(void *actions);
    int posix_spawn_file_actions_adddup2(void *actions, int fd, int target);
    int posix_spawn_file_actions_addchdir_np(void *actions, const char *directory);
    int posix_spawnattr_init(void *attributes);
    int posix_spawnattr_setflags(void *attributes, short flags);
    int posix_spawnattr_setsigmask(void *attributes, const void *mask);
    int posix_spawnattr_setsigdefault(void *attributes, const void *signals);
    int posix_spawnattr_setcgroup_np(void *attributes, int fd);
    int sigemptyset(void *set);
    int sigfillset(void *set);
    long syscall(long number, void *arguments, unsigned long size);

    unsigned int mach_task_self(void);
    int mach_port_deallocate(unsigned int task, unsigned int right);
    unsigned int file_name_lookup(const char *path, int flags, unsigned int mode);
    unsigned int getdport(int fd);
    int ifsock_getsockaddr(unsigned int file, unsigned int *address);
    int socket_bind(unsigned int socket, unsigned int address);
    unsigned int getcrdir(void);
    int file_syncfs(unsigned int directory, int wait, int do_children);
"""
TARGET = Path(__file__).with_name("_libc_abi.py")


def write(path: Path) -> None:
    """Write the module to `path`."""
    write_abi("hurd.system._libc_abi", DECLARATIONS, path)


if __name__ == "__main__":
    write(TARGET)
