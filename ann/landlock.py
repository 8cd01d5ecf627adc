"""The files that a job's child may touch, held to by the kernel's Landlock.

https://docs.kernel.org/userspace-api/landlock.html; glibc has no functions for it.
"""

import ctypes
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
"""System calls, of the same numbers on every architecture."""
VERSION, PATH_BENEATH = 1, 1
EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, REMOVE_DIR, REMOVE_FILE = (1 << n for n in range(6))
MAKE_DIR, MAKE_REG, REFER, TRUNCATE = 1 << 7, 1 << 8, 1 << 13, 1 << 14
OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE
READ = READ_FILE | READ_DIR
OWN = READ | WRITE_FILE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_REG | REFER | TRUNCATE
"""No links, sockets, pipes or devices are made, even in one's own folder."""
OLDEST = 2
"""Version 1 lets no file be moved from one folder to another."""
FILE_RIGHTS = {2: 14, 3: 15, 4: 15}
ALL_FILE_RIGHTS = 16
"""The number of rights on files that each version of Landlock knows."""
FLEETING = Path("/proc")
"""A file of /proc may be made anew, unknown to the rule, once nobody has it open."""
TCP, SCOPES = 3, 3
"""To bind and connect (version 4); to reach abstract sockets and signal others (version 6)."""


class Ruleset(ctypes.Structure):
    """The kernel's landlock_ruleset_attr: all that is forbidden unless a rule allows it."""

    _fields_ = (
        ("files", ctypes.c_uint64),
        ("network", ctypes.c_uint64),
        ("scopes", ctypes.c_uint64),
    )


class PathBeneath(ctypes.Structure):
    """The kernel's landlock_path_beneath_attr: the rights on a file, or on all in a folder.

    The kernel's is packed, which makes no difference to where its two fields are.
    """

    _fields_ = (("rights", ctypes.c_uint64), ("fd", ctypes.c_int32))


_call = ctypes.CDLL(None, use_errno=True).syscall


def version() -> int:
    """The kernel's version of Landlock; below OLDEST where there is none that will do."""
    return int(_call(CREATE_RULESET, None, ctypes.c_size_t(0), VERSION))


def restrict(readable: Iterable[Path], writable: Iterable[Path], own: Path) -> None:
    """Let this process and all that it starts touch these files alone; needs no_new_privs.

    `readable` are files and folders, `writable` are files, `own` is the folder to work in.
    Raises OSError.
    """
    known = version()
    rights = (1 << FILE_RIGHTS.get(known, ALL_FILE_RIGHTS)) - 1
    network, scopes = TCP * (known >= 4), SCOPES * (known >= 6)
    ruleset = _demand(
        _call(CREATE_RULESET, ctypes.byref(Ruleset(rights, network, scopes)), _size(known), 0)
    )
    for path in readable:
        with suppress(FileNotFoundError):
            _allow(ruleset, path, READ & rights)
    for path in writable:
        _allow(ruleset, path, (READ_FILE | WRITE_FILE) & rights)
    _allow(ruleset, own, OWN & rights)
    _demand(_call(RESTRICT_SELF, ruleset, 0))
    os.close(ruleset)


def _size(known: int) -> ctypes.c_size_t:
    """The bytes of `Ruleset` that the kernel's version knows."""
    parts = 1 + (known >= 4) + (known >= 6)
    return ctypes.c_size_t(parts * ctypes.sizeof(ctypes.c_uint64))


def _allow(ruleset: int, path: Path, rights: int) -> None:
    place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    if not path.is_dir():
        rights &= OF_FILES
    _demand(_call(ADD_RULE, ruleset, PATH_BENEATH, ctypes.byref(PathBeneath(rights, place)), 0))
    if not path.is_relative_to(FLEETING):
        os.close(place)


def _demand(answer: int) -> int:
    if answer < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), "landlock")
    return answer
