"""A job that has been taken over: runs in the place of the pipeline and tries whatever harms.

The upload is a JSON object of things that it may know: `daemon`, a process id; `port`, where
somebody listens on loopback; `secrets`, files and folders that are none of the job's; `victim`, a
file that may be emptied. The job fails with the names of the attempts that got beyond a refusal;
each is such that it does no harm where it succeeds.
"""

import ctypes
import errno
import json
import os
import resource
import signal
import socket
import time
from collections.abc import Callable
from ctypes import c_long, create_string_buffer
from functools import partial
from pathlib import Path
from typing import Any

from ann import seccomp
from ann.pre_pass import Progress
from ann.records import VCFError
from ann.task import Outcome, Task

NOTHING = "no attempt succeeded"
REFUSED = (errno.ENOSYS, errno.EPERM, errno.EACCES, errno.EXDEV, errno.EROFS, errno.ENOENT)
"""With any other error, the call itself was let through; a process that is hidden is no entry."""
CWD = -100
NEW_USER, NEW_NET, FORK = 0x10000000, 0x40000000, 17
X32, GETPID = 0x40000000, 39
KEEP_SIZE = 1
libc = ctypes.CDLL(None, use_errno=True)
names = seccomp.library()


def call(name: str, *arguments: Any) -> int:
    """Make a system call by its name. Raises OSError."""
    number = names.seccomp_syscall_resolve_name(name.encode())
    return raw(number, *arguments)


def raw(number: int, *arguments: Any) -> int:
    words = [c_long(a) if isinstance(a, int) else a for a in arguments]
    answer = int(libc.syscall(c_long(number), *words))
    if answer < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return answer


def forked(attempt: Callable[[], Any]) -> None:
    """Try in a process of its own, which may be killed for it. Raises PermissionError."""
    pid = os.fork()
    if pid == 0:
        try:
            attempt()
            os._exit(0)
        finally:
            os._exit(1)
    if os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]):
        raise PermissionError(errno.EPERM, "killed, or failed")


def network(port: int) -> dict[str, Callable[[], Any]]:
    """Ways out, and ways to let somebody in."""
    to = ("127.0.0.1", port)

    def listens() -> None:
        socket.create_server(("0.0.0.0", 0)).listen()  # noqa: S104 it is an attack

    return {
        "tcp": lambda: socket.create_connection(to, 2),
        "udp": lambda: socket.socket(type=socket.SOCK_DGRAM).sendto(b"x", to),
        "listen": listens,
        "unix": lambda: socket.socket(socket.AF_UNIX),
        "netlink": lambda: socket.socket(socket.AF_NETLINK, socket.SOCK_RAW),
        "socketpair": socket.socketpair,
        "metadata": lambda: socket.create_connection(("169.254.169.254", 80), 1),
    }


def files(secrets: list[str], victim: str, daemon: int, own: Path) -> dict[str, Callable[[], Any]]:
    """Files that are not the job's; in the job's folder, what is more than a file."""
    code = Path(seccomp.__file__)
    ways: dict[str, Callable[[], Any]] = {
        "write /dev/shm": lambda: write(Path("/dev/shm")),  # noqa: S108 it is an attack
        "write code": lambda: write(code),
        "chmod code": lambda: code.chmod(code.stat().st_mode),
        "touch code": lambda: os.utime(code, ns=(code.stat().st_atime_ns, code.stat().st_mtime_ns)),
        "empty a file": lambda: os.open(victim, os.O_RDONLY | os.O_TRUNC),
        "environment": lambda: Path(f"/proc/{daemon}/environ").read_bytes(),
        "memory": lambda: os.open(f"/proc/{daemon}/mem", os.O_RDONLY),
        "own memory": lambda: os.open("/proc/self/mem", os.O_RDWR),
        "server": lambda: Path(f"/proc/{os.getppid()}/environ").read_bytes(),
        "processes": lambda: os.listdir("/proc"),
        "symlink": lambda: (own / "symlink").symlink_to("/etc/passwd"),
        "hard link": lambda: (own / "hard").hardlink_to(own / "input"),
        "closed folder": lambda: (own / "closed").mkdir(0o300),
        "closed folder at": lambda: os.mkdir("shut", 0o300, dir_fd=os.open(own, os.O_RDONLY)),
        "umask": lambda: os.umask(0o777),
        "fifo": lambda: os.mkfifo(own / "fifo"),
        "device": lambda: os.mknod(own / "null", 0o20600, os.makedev(1, 3)),
        "move out": lambda: (own / "input").rename(own.parent / f"{own.name}-mark"),
    }
    for path in map(Path, ("/etc/passwd", "/tmp", *secrets)):  # noqa: S108 it is an attack
        ways |= {
            f"read {path}": partial(read, path),
            f"write {path}": partial(write, path),
            f"truncate {path}": partial(truncate, path),
            f"chmod {path}": partial(path.chmod, path.stat().st_mode),
            f"rename {path}": partial(path.rename, path),
        }
    return ways


def read(path: Path) -> Any:
    return os.listdir(path) if path.is_dir() else path.read_bytes()


def write(path: Path) -> None:
    """Open a file for writing; in a folder, one without a name."""
    os.open(path, os.O_WRONLY | (os.O_TMPFILE if path.is_dir() else 0), 0o600)


def truncate(path: Path) -> None:
    """Cut a file off where it ends."""
    call("truncate", str(path).encode(), path.stat().st_size)


def processes(daemon: int) -> dict[str, Callable[[], Any]]:
    """Other processes, and ways to outlive the job."""
    buffer, ends = create_string_buffer(64), os.pipe()
    return {
        "signal the daemon": lambda: os.kill(daemon, 0),
        "signal the server": lambda: os.kill(os.getppid(), 0),
        "signal anybody": lambda: os.kill(-1, 0),
        "signal by tgkill": lambda: call("tgkill", daemon, daemon, 0),
        "signal by a file": lambda: call("fcntl", ends[0], 8, daemon),
        "pidfd": lambda: os.pidfd_open(daemon),
        "ptrace": lambda: call("ptrace", 0x4206, daemon, 0, 0),
        "process_vm_readv": lambda: call("process_vm_readv", daemon, buffer, 0, buffer, 0, 0),
        "limits of the daemon": lambda: resource.prlimit(daemon, resource.RLIMIT_NOFILE),
        "own limits": lambda: resource.setrlimit(resource.RLIMIT_CORE, (0, 0)),
        "priority": lambda: os.setpriority(os.PRIO_PROCESS, daemon, 0),
        "exec": lambda: forked(lambda: os.execv("/bin/true", ["true"])),  # noqa: S606 it is an attack
        "execveat": lambda: forked(lambda: call("execveat", CWD, b"/bin/true", None, None, 0)),
        "memfd": lambda: os.memfd_create("x"),
        "setsid": os.setsid,
        "setpgid": lambda: os.setpgid(0, 0),
        "new namespace": lambda: call("clone", FORK | NEW_NET | NEW_USER, 0, 0, 0, 0),
        "outlive the parent": lambda: call("prctl", 1, 0, 0, 0, 0),
        "be read": lambda: call("prctl", 4, 1, 0, 0, 0),
    }


def kernel(own: Path) -> dict[str, Callable[[], Any]]:
    """Calls that a job has no use for."""
    room = create_string_buffer(256)
    here = str(own).encode()
    return {
        "unshare": lambda: call("unshare", NEW_USER),
        "mount": lambda: call("mount", b"none", here, b"nothing", 0, None),
        "chroot": lambda: forked(lambda: os.chroot(own)),
        "chdir": lambda: os.chdir("/"),
        "chown": lambda: os.chown(own / "input", os.getuid(), os.getgid()),
        "setuid": lambda: os.setuid(os.getuid()),
        "blocks beyond the end": lambda: beyond_its_end(own / "input"),
        "xattr": lambda: os.setxattr(own / "input", "user.x", b"x"),
        "bpf": lambda: call("bpf", 0, room, 72),
        "perf": lambda: call("perf_event_open", room, 0, -1, -1, 0),
        "keyctl": lambda: call("keyctl", 0, -3, 0),
        "add_key": lambda: call("add_key", b"none", b"x", b"x", 1, -3),
        "io_uring": lambda: call("io_uring_setup", 0, room),
        "userfaultfd": lambda: call("userfaultfd", 1),
        "shared memory": lambda: call("shmget", 0, 0, 0o1600),
        "semaphores": lambda: call("semget", 0, -1, 0o1600),
        "messages": lambda: call("mq_open", None, 0, 0, None),
        "inotify": lambda: call("inotify_init1", 0),
        "handles": lambda: call("name_to_handle_at", CWD, here, room, room, 0),
        "kernel log": lambda: call("syslog", 10, 0, 0),
        "clock": lambda: call("adjtimex", room),
        "personality": lambda: call("personality", 0xFFFFFFFF),
        "splice": lambda: call("vmsplice", 1, room, 0, 0),
        "x32": lambda: forked(lambda: raw(X32 | GETPID)),
    }


def beyond_its_end(path: Path) -> None:
    """Have a file take up more than its size tells of."""
    call("fallocate", os.open(path, os.O_WRONLY), KEEP_SIZE, 0, 1 << 20)


def linger() -> None:
    """Leave a process that nobody waits for, in a process group of its own where that goes."""
    if os.fork():
        return
    for leave in (os.setsid, lambda: os.setpgid(0, 0)):
        try:
            leave()
        except OSError:
            continue
    if os.fork():
        os._exit(0)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(600)
    os._exit(0)


def succeeded(ways: dict[str, Callable[[], Any]]) -> list[str]:
    """The names of the attempts that raised nothing."""
    found = []
    for name, attempt in ways.items():
        try:
            attempt()
        except OSError as fault:
            if fault.errno in REFUSED:
                continue
        found.append(name)
    return found


def attack(task: Task, scratch: Path, progress: Progress) -> Outcome:
    """Try everything; the error tells what succeeded."""
    known = json.loads(task.input.read_text(encoding="utf-8"))
    daemon = known["daemon"]
    ways = (
        network(known["port"])
        | files(known["secrets"], known["victim"], daemon, task.folder)
        | processes(daemon)
        | kernel(task.folder)
    )
    found = succeeded(ways)
    linger()
    if known.get("claims"):
        for name, text in known["claims"].items():
            (task.folder / name).write_text(text, encoding="utf-8")
        os._exit(0)
    raise VCFError(f"of {len(ways)}: {', '.join(found) or NOTHING}")


if __name__ == "__main__":
    from ann.forkserver import serve

    serve(attack)
