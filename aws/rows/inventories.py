"""The memory of the inventory: how far it has come in each store, and whether it is held."""

from dataclasses import dataclass, fields, replace

from aws.rows.table import Row, Table

MARK = "~inventory/"
"""How its keys in the accounts table begin: no identity of Globus does."""

STORES = ("inputs", "results", "archive")
"""The stores that have an inventory."""


@dataclass(frozen=True)
class Progress:
    """The inventory of one store; times are epoch seconds.

    A pass looks at what was stored from `since` to `until`, and goes on after the key `after`. It
    has met objects of `seen` jobs, of which `unknown` have no row. A pass that is `held` waits for
    the operator, whose word lets it delete whatever it finds (`unbraked`).
    """

    store: str
    since: float = 0
    until: float = 0
    after: str = ""
    begun_time: float = 0
    under_way: bool = False
    seen: int = 0
    unknown: int = 0
    undeleted: int = 0
    held: bool = False
    unbraked: bool = False
    rev: int = 0
    write_token: str = ""


class Inventories:
    """The progress of each store's inventory, in the accounts table."""

    def __init__(self, table: Table) -> None:
        self.table = table

    def get(self, store: str) -> Progress:
        """The progress; that of a store never looked at begins with everything."""
        row = self.table.get(MARK + store)
        return _progress(store, row) if row else Progress(store)

    def put(self, progress: Progress) -> Progress:
        """Write the progress. Raises Conflict where another sweeper wrote since it was read."""
        row = _row(progress)
        written = self.table.swap(row) if progress.rev else self.table.create(row)
        return _progress(progress.store, written)

    def go_on(self, store: str) -> bool:
        """Let a held inventory delete what it finds: the operator's word. False if it runs."""
        progress = self.get(store)
        if not progress.held:
            return False
        self.put(replace(progress, held=False, unbraked=True))
        return True


def _row(progress: Progress) -> Row:
    row = {f.name: getattr(progress, f.name) for f in fields(Progress) if f.name != "store"}
    return {"user_id": MARK + progress.store, **row}


def _progress(store: str, row: Row) -> Progress:
    known = {f.name for f in fields(Progress)} - {"store"}
    return Progress(store, **{name: value for name, value in row.items() if name in known})
