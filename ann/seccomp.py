"""The system calls that a job's child may make: filters that libseccomp makes for the kernel.

Whatever is not listed fails as if the kernel had no such call: sockets, exec, signals, other
processes, links, mounts, keys, io_uring, and whatever a later kernel brings.
"""

import ctypes
import os
import signal
from ctypes import c_char_p, c_int, c_uint, c_uint32, c_uint64, c_void_p
from errno import ENOSYS, EPERM
from functools import cache
from typing import NamedTuple

LIBRARY = "libseccomp.so.2"
ALLOW, ERRNO = 0x7FFF0000, 0x00050000
OPTIMIZE, BINARY_TREE = 8, 2
LESS_OR_EQUAL, EQUAL, MASKED_EQUAL = 3, 4, 7
"""Comparisons of seccomp_rule_add(3)."""
PR_SET_PDEATHSIG, PR_SET_NAME, PR_SET_VMA = 1, 15, 0x53564D41
PR_GET_SECCOMP, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS = 21, 22, 38
PRCTLS = (PR_SET_NAME, PR_SET_VMA, PR_GET_SECCOMP, PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS)
"""A tool takes another filter upon itself, by seccomp(2) or, under systemd, by prctl(2)."""
TCGETS, TIOCGWINSZ, FIONCLEX, FIOCLEX = 0x5401, 0x5413, 0x5450, 0x5451
F_SETLKW, F_DUPFD_CLOEXEC = 7, 1030
CLONE_FILES, CLONE_THREAD = 0x400, 0x10000
THREAD = CLONE_THREAD | CLONE_FILES
"""One with descriptors of its own could hide files there (`ann.disk`)."""
CLONE_NAMESPACES = 0x7E020000
FORK = 17
"""clone(2)'s flags where glibc forks, but for CLONE_*_SETTID and CLONE_CHILD_CLEARTID."""
FORK_MASK = 0xFFFFFFFF & ~0x01300000
OPENING = {"open": 1, "openat": 2}
"""The calls that open a file by its path, with the number of the argument that has the flags."""
OPEN_FLAGS = (
    (os.O_TRUNC, 0),
    (os.O_TRUNC | os.O_ACCMODE, os.O_TRUNC | os.O_WRONLY),
    (os.O_TRUNC | os.O_ACCMODE, os.O_TRUNC | os.O_RDWR),
)
"""Without O_TRUNC on what is only read: before its version 3, Landlock lets that through."""
LISTED = 0o700
"""The rights that a job has on each of its folders: else its daemon could not look into them."""
CALLS = """
    access brk clock_getres clock_gettime clock_nanosleep close close_range copy_file_range
    dup dup2 dup3 exit exit_group faccessat faccessat2 fadvise64 fdatasync
    fstat fstat64 fstatfs fsync ftruncate futex getcpu getcwd getdents64 getegid geteuid getgid
    getpid getppid getpgid getpgrp getrandom getrusage gettid gettimeofday getuid getresuid
    getresgid lseek lstat madvise membarrier mincore mmap mprotect mremap msync munmap
    nanosleep newfstatat pipe pipe2 poll ppoll pread64 preadv pselect6 pwrite64 pwritev
    read readlink readlinkat readv rename renameat renameat2 restart_syscall rmdir rseq
    rt_sigaction rt_sigprocmask rt_sigreturn rt_sigtimedwait sched_getaffinity sched_yield seccomp
    select sendfile set_robust_list set_tid_address sigaltstack stat statfs statx sysinfo time times
    uname unlink unlinkat wait4 waitid write writev
"""


class Argument(ctypes.Structure):
    """A case of an argument (scmp_arg_cmp): its number, how it is compared, and with what."""

    _fields_ = (("arg", c_uint), ("op", c_int), ("a", c_uint64), ("b", c_uint64))


class Rule(NamedTuple):
    """One more case in which a call is allowed: all of its arguments are as they say."""

    call: str
    arguments: tuple[Argument, ...]


def _equal(arg: int, value: int) -> Argument:
    return Argument(arg, EQUAL, value, 0)


def _masked(arg: int, mask: int, value: int) -> Argument:
    return Argument(arg, MASKED_EQUAL, mask, value)


RULES = [
    *(Rule("prctl", (_equal(0, n),)) for n in PRCTLS),
    Rule("prctl", (_equal(0, PR_SET_PDEATHSIG), _equal(1, signal.SIGKILL))),
    *(Rule(call, (_masked(at, *flags),)) for call, at in OPENING.items() for flags in OPEN_FLAGS),
    Rule("mkdir", (_masked(1, LISTED, LISTED),)),
    Rule("mkdirat", (_masked(2, LISTED, LISTED),)),
    Rule("umask", (_masked(0, LISTED, 0),)),
    *(Rule("ioctl", (_equal(1, n),)) for n in (TCGETS, TIOCGWINSZ, FIONCLEX, FIOCLEX)),
    Rule("fcntl", (Argument(1, LESS_OR_EQUAL, F_SETLKW, 0),)),  # no F_SETOWN, which signals
    Rule("fcntl", (_equal(1, F_DUPFD_CLOEXEC),)),
    Rule("fallocate", (_equal(1, 0),)),  # no blocks beyond the size that a file tells of
    Rule("prlimit64", (_equal(0, 0), _equal(2, 0))),  # our own limits, to be read
    Rule("clone", (_masked(0, FORK_MASK, FORK),)),
    Rule("clone", (_masked(0, THREAD | CLONE_NAMESPACES, THREAD),)),
]


class Filter:
    """A filter of system calls, to be loaded into a process that then cannot take it off."""

    def __init__(self, library: ctypes.CDLL, otherwise: int) -> None:
        self.library = library
        self.context = library.seccomp_init(otherwise)
        library.seccomp_attr_set(self.context, OPTIMIZE, BINARY_TREE)

    def add(self, action: int, call: str, *arguments: Argument) -> None:
        """Say what becomes of a call; one that this architecture lacks is passed over."""
        number = self.library.seccomp_syscall_resolve_name(call.encode())
        if number < 0:
            return
        array = (Argument * len(arguments))(*arguments)
        fault = self.library.seccomp_rule_add_array(
            self.context, action, number, len(arguments), array
        )
        if fault:
            raise OSError(-fault, os.strerror(-fault), call)

    def load(self) -> None:
        """Hold this process and all that it starts to the filter. Raises OSError."""
        fault = self.library.seccomp_load(self.context)
        if fault:
            raise OSError(-fault, os.strerror(-fault), "seccomp")


def library() -> ctypes.CDLL:
    """libseccomp, which apt and systemd bring along. Raises OSError where there is none."""
    found = ctypes.CDLL(LIBRARY)
    found.seccomp_init.argtypes, found.seccomp_init.restype = [c_uint32], c_void_p
    found.seccomp_attr_set.argtypes = [c_void_p, c_int, c_uint32]
    found.seccomp_syscall_resolve_name.argtypes = [c_char_p]
    found.seccomp_rule_add_array.argtypes = [c_void_p, c_uint32, c_int, c_uint, c_void_p]
    found.seccomp_load.argtypes = [c_void_p]
    return found


def is_there() -> bool:
    """True where both libseccomp and the kernel can filter."""
    try:
        library()
    except OSError:
        return False
    return int(ctypes.CDLL(None).prctl(PR_GET_SECCOMP, 0, 0, 0, 0)) >= 0


@cache
def job_filter() -> Filter:
    """The filter of a job's child: what Python, htslib and DuckDB call, forks included."""
    made = Filter(library(), ERRNO | ENOSYS)
    for call in CALLS.split():
        made.add(ALLOW, call)
    for rule in RULES:
        made.add(ALLOW, rule.call, *rule.arguments)
    return made


@cache
def tool_filter() -> Filter:
    """The filter that a tool of the child has besides: it starts no process."""
    made = Filter(library(), ALLOW)
    made.add(ERRNO | EPERM, "clone", _masked(0, CLONE_THREAD, 0))
    return made
