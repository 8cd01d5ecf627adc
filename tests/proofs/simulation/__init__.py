"""A simulation of all daemons in one process: `./gas faults`."""
