"""Pages of a list that can only be read forwards: the way back is kept in the address."""

from dataclasses import dataclass
from typing import Self

from werkzeug.datastructures import MultiDict

TRAIL = 12
"""Pages that one can step back through; further back, the list begins anew."""
START = "-"
BETWEEN = "!"


@dataclass(frozen=True)
class PageCursor:
    """One page of a list: its start, its number, and the starts of those before it."""

    after: str | None
    number: int = 1
    trail: tuple[str, ...] = ()

    @classmethod
    def of(cls, args: MultiDict[str, str]) -> Self:
        """From the address's `after`, `page` and `trail`."""
        after = args.get("after") or None
        trail = tuple(t for t in args.get("trail", "").split(BETWEEN) if t)
        number = max(args.get("page", 1, type=int), 1) if after else 1
        return cls(after, number, trail[-TRAIL:] if after else ())

    def next(self, token: str) -> dict[str, str]:
        """The arguments of the page that starts after `token`."""
        trail = [*self.trail, self.after or START][-TRAIL:]
        return {"after": token, "page": str(self.number + 1), "trail": BETWEEN.join(trail)}

    def previous(self) -> dict[str, str] | None:
        """The arguments of the page before; None on the first, or where the trail ends."""
        if not self.trail:
            return None
        *before, after = self.trail
        if after == START:
            return {}
        return {"after": after, "page": str(self.number - 1), "trail": BETWEEN.join(before)}
