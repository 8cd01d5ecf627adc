"""Keeps a process's memory and environment from other processes of its user."""

import ctypes
import sys

PR_SET_DUMPABLE = 4


def hide_memory() -> None:
    """Let no process of our user read or trace this one, nor any that it forks (Linux).

    https://man7.org/linux/man-pages/man2/PR_SET_DUMPABLE.2const.html
    """
    _set_dumpable(0)


def show_memory() -> None:
    """Let other processes of our user read and trace this one again, though its parent hides."""
    _set_dumpable(1)


def _set_dumpable(value: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, value, 0, 0, 0)
