"""The tests: each holds GAS to one of its promises."""
