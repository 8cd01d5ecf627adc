"""Says when one act is counted twice, and when a change of role is cleared unheard."""

from collections.abc import Callable

from tests.proofs.simulation.cloud import Cloud, look, role_of
from tests.proofs.simulation.scheduler import Strand
from tests.proofs.simulation.services.expressions import Item, plain

COUNTS = (
    "attempt",
    "crashes",
    "failed_moves",
    "lapses",
    "reminders",
    "retrievals",
    "role_changes",
    "thaws",
)
"""The attributes of rows that count what has happened."""
GRACE_S = 60
"""`[sweep] grace_s`: a change of role is not cleared before its second reminder."""
ROWS = ("get_item", "put_item")


class Counts:
    """Looks at what goes up in the rows.

    A strand that adds to the same count of a row again, with nothing but its own looks at this row
    between, has counted one act twice. And `restore` clears a change of role only in a pass that
    has read the account after the change was made.
    """

    def __init__(self, cloud: Cloud, say: Callable[[str], None]) -> None:
        self.cloud, self.say = cloud, say
        self.counted: dict[Strand, tuple[str, set[str]]] = {}
        self.receiving: set[Strand] = set()
        self.began: dict[Strand, float] = {}
        """When each strand was first told of an account for its message."""
        self.read: dict[tuple[Strand, str], float] = {}
        """When each strand has last begun to read a row."""
        self.changed: dict[str, float] = {}
        """When each user's role was last changed."""
        self.released: dict[str, float] = {}
        """When it was last written that a user went back to free."""
        self.free_since: dict[str, float] = {}
        """The same by the row: it may have been written later."""
        self.moved: dict[str, float] = {}
        """When each job has last come to another state."""
        self.missed: set[str] = set()
        """The jobs that no pass could see, for a change of role that came after all their moves."""

    def heard(self, strand: Strand, operation: str, row: str) -> None:
        """A strand makes a call."""
        if operation == "receive_message":
            self.receiving.add(strand)
        if operation == "get_item":
            self.read[strand, row] = self.cloud.scheduler.now
        if operation not in ROWS or self.counted.get(strand, (row,))[0] != row:
            self.counted.pop(strand, None)

    def answered(self, strand: Strand, operation: str, row: str) -> None:
        """A strand is answered; what it reads is as it is now."""
        if operation == "get_item" and strand in self.receiving and row in self.cloud.accounts:
            self.receiving.remove(strand)
            self.began[strand] = self.cloud.scheduler.now

    def written(self, table: str, key: str, before: Item | None, after: Item | None) -> None:
        """A row was written."""
        strand = self.cloud.scheduler.current
        if table.endswith("annotations") and look(before) != look(after):
            self.moved[key] = self.cloud.scheduler.now
            self.missed.discard(key)
        if before is None or after is None or strand is None:
            return
        up = {name for name in COUNTS if _number(after, name) > _number(before, name)}
        twice = up & self.counted.get(strand, ("", set()))[1]
        if twice:
            self.say(f"counted twice: {key}: {', '.join(sorted(twice))} by {strand.process.name}")
        others = [one for one, (row, _) in self.counted.items() if row == key and one is not strand]
        for other in others:
            del self.counted[other]
        if up:
            self.counted[strand] = key, up
        self._role(strand, key, before, after, up)

    def went_free(self, user_id: str) -> float:
        """When a user who is free went back to free last; now, where the user is premium."""
        is_free = role_of(self.cloud.accounts.get(user_id)).startswith("free")
        now = self.cloud.scheduler.now
        return self.free_since.get(user_id, now) if is_free else now

    def known_release(self, strand: Strand | None, user_id: str) -> float:
        """When the user last went back to free, if the strand has read the account since."""
        read = self.read.get((strand, user_id), 0.0) if strand else 0.0
        return self.free_since.get(user_id, 0.0) if self.released.get(user_id, 0.0) < read else 0.0

    def _role(self, strand: Strand, key: str, before: Item, after: Item, up: set[str]) -> None:
        if "role_changes" in up:
            self.changed[key] = self.cloud.scheduler.now
            if role_of(after).startswith("free"):
                self.released[key] = self.cloud.scheduler.now
                self.free_since[key] = min(self.released[key], _number(after, "changed_time"))
        pending = "pending_role_change"
        is_cleared = pending in before and pending not in after
        began, changed = self.began.get(strand, 0), self.changed.get(key, 0)
        if is_cleared and began < changed:
            self.say(f"unheard: a change of role of user {key} was cleared by a pass before it")
        if is_cleared and began > changed + 2 * GRACE_S:
            hidden = self.cloud.hidden(key, began)
            self.missed |= {job_id for job_id in hidden if self.moved.get(job_id, 0) < changed}


def _number(item: Item, name: str) -> float:
    return float(plain(item.get(name)) or 0)
