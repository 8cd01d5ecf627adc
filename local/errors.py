"""The two ways in which a world does not come up or its work does not end."""


class UpError(RuntimeError):
    """The world cannot go up; the text says why in one line."""


class Interrupted(Exception):
    """A stop was requested before the work was done."""
