"""A machine for the boot tests: this one's root, never written to, with systemd as its process 1.

An overlay on this machine's root holds what is written; mounts, processes, names and control
groups are its own; the network is shared, for the local AWS and the fake metadata service.
"""

import os
import shlex
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

START_S = 300
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"
HOSTS_OWN = (
    "sysctl",
    "binfmt",
    "modules-load",
    "remount-fs",
    "udevd",
    "udev-trigger",
    "update-utmp",
)
"""Units that would change the shared kernel."""
PID_1 = "/lib/systemd/systemd --unit=basic.target --show-status=0 --log-target=journal"

SETUP = f"""
set -e
mount -t tmpfs -o mode=755 tmpfs "$1"
mkdir "$1/upper" "$1/work" "$1/root"
root=$1/root
mount -t overlay -o "lowerdir=/,upperdir=$1/upper,workdir=$1/work" overlay "$root"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
for folder in run tmp dev; do mount -t tmpfs -o mode=755 tmpfs "$root/$folder"; done
chmod 1777 "$root/tmp"
for node in "null 1 3" "zero 1 5" "full 1 7" "random 1 8" "urandom 1 9" "tty 5 0" "ptmx 5 2"; do
    set -- "$1" $node
    mknod -m 666 "$root/dev/$2" c "$3" "$4"
done
mkdir "$root/dev/shm" "$root/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
ln -s /proc/self/fd "$root/dev/fd"
rm -rf "$root/opt/gas" "$root/etc/gas" "$root/var/lib/gas" "$root"/etc/systemd/system/gas*
mkdir -p "$root/etc/systemd/system"
for unit in {" ".join(HOSTS_OWN)}; do
    ln -sf /dev/null "$root/etc/systemd/system/systemd-$unit.service"
done
mkdir "$root/.before"
cd "$root"
pivot_root . .before
umount -l /.before
exec env -i container=gas PATH={PATH} {PID_1}
"""


class Machine:
    """A booted machine; `run` is a root shell on it."""

    def __init__(self, pid: int, env: dict[str, str]) -> None:
        self.pid, self.env = pid, env

    def run(
        self, script: str, env: dict[str, str] | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a bash script there, its output and errors together."""
        variables = [f"{name}={value}" for name, value in {"PATH": PATH, **(env or {})}.items()]
        inside = ["nsenter", "-t", str(self.pid), "-m", "-p", "-u", "-i", "-C", "-r", "-w"]
        return subprocess.run(
            [*inside, "env", "-i", *variables, "bash", "-s"],
            input=script,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=900,
        )

    def output(self, command: str) -> str:
        """The standard output of a command; empty where it fails."""
        ran = self.run(command)
        return ran.stdout.strip() if ran.returncode == 0 else ""

    def user_data(self, script: str) -> subprocess.CompletedProcess[str]:
        """Run user data as cloud-init does: a file, executed by its first line, with its log."""
        file = "/run/user-data"
        return self.run(
            f"cat > {file} <<'USER-DATA'\n{script}\nUSER-DATA\nchmod 700 {file}\n"
            f"set -o pipefail\n{file} 2>&1 | tee -a /var/log/cloud-init-output.log",
            self.env,
        )

    def show(self, unit: str, name: str) -> str:
        """A property of a unit, as systemctl shows it."""
        return self.output(f"systemctl show --property={name} --value {shlex.quote(unit)}")


@contextmanager
def booted(folder: Path, env: dict[str, str]) -> Iterator[Machine]:
    """A machine until the end of the block; `env` is the environment of its user data."""
    argv = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--uts", "--ipc", "--cgroup"]
    holder = subprocess.Popen(
        [*argv, "bash", "-c", SETUP, "setup", str(folder)], stdin=subprocess.DEVNULL
    )
    try:
        machine = Machine(_child(holder), env)
        _await(machine)
        yield machine
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.wait()


def _child(holder: "subprocess.Popen[bytes]") -> int:
    """The process that is number 1 in the new namespace."""
    path = Path(f"/proc/{holder.pid}/task/{holder.pid}/children")
    deadline = time.monotonic() + START_S
    while not (found := path.read_text().split()):
        assert holder.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return int(found[0])


def _await(machine: Machine) -> None:
    deadline = time.monotonic() + START_S
    while not os.readlink(f"/proc/{machine.pid}/exe").endswith("systemd"):
        assert time.monotonic() < deadline, "systemd did not start"
        time.sleep(0.05)
    while machine.output("systemctl is-active basic.target") != "active":
        assert time.monotonic() < deadline, machine.run("systemctl list-jobs; systemctl").stdout
        time.sleep(0.2)
