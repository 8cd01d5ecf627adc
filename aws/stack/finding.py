"""One thing that a look before a deployment has found."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """A fault, in words that say what to do; only a problem stops a creation."""

    text: str
    is_problem: bool = True
