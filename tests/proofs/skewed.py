"""Runs a module with a clock that is set wrong: `python -m tests.proofs.skewed SECONDS MODULE`."""

import runpy
import sys
import time

TRUE_TIME = time.time


def main() -> None:
    """Set the clock ahead by so many seconds (behind, where negative) and become the module."""
    seconds, module = float(sys.argv[1]), sys.argv[2]
    time.time = lambda: TRUE_TIME() + seconds
    sys.argv[1:] = sys.argv[3:]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
