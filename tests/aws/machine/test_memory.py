"""A daemon's memory and environment are its own."""

import ctypes
import os

from aws.machine.memory import hide_memory

PR_GET_DUMPABLE = 3


def test_a_hidden_process_and_what_it_forks_cannot_be_read_by_others_of_its_user() -> None:
    before = ctypes.CDLL(None).prctl(PR_GET_DUMPABLE)
    pid = os.fork()
    if pid == 0:
        hide_memory()
        child = os.fork()
        if child:
            os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        os._exit(ctypes.CDLL(None).prctl(PR_GET_DUMPABLE))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert ctypes.CDLL(None).prctl(PR_GET_DUMPABLE) == before
