"""Tests of the stack: the template, what an instance runs at its first boot, and its end."""
