"""Deletes orphans, stored objects and archives that no row refers to: in slices, with a brake."""

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from aws import outbox
from aws.resources import World
from aws.rows.inventories import Inventories, Progress
from aws.rows.job import Job
from aws.storage.keys import parse
from aws.storage.stored import Archive, S3Object, Stored

log = logging.getLogger(__name__)

OVERLAP_S = 3 * 24 * 3600
"""A pass looks again at what is this much older than the last one's: vaults list archives late."""
FREE_UNKNOWN = 20
"""Jobs without a row whose objects a pass may delete whatever their share."""
SLICE_ORPHANS = 5000
"""The most orphans that are kept in mind before they are deleted."""


@dataclass(frozen=True)
class Entry:
    """One thing in a store; `job_id` is "" for what is of no job, `time` epoch seconds."""

    key: str
    job_id: str
    stored: Stored
    time: float


@dataclass(frozen=True)
class Store:
    """A place that has an inventory: how old (s) orphans are, and how often (s) it is looked at.

    `now` is the time (epoch s) by the clock of the store, which gave its entries their times: this
    machine's may be wrong. A larger share of jobs without a row than this holds it, for then rows
    may have been lost.
    """

    name: str
    age_s: int
    every_s: int
    share: float
    now: Callable[[], float]
    entries: Callable[[str], Iterator[Entry]]


def stores(world: World) -> list[Store]:
    """Uploads, which go within the hour, then outputs and archives, once a day."""
    settings, files = world.config.sweep, world.files
    age_s, every_s, share = (
        settings.inventory_age_s,
        settings.inventory_every_s,
        settings.inventory_percent / 100,
    )
    upload_s = settings.upload_age_s // 4
    inputs, results = _of(world, files.inputs), _of(world, files.results)
    archives = (world.vault.now, lambda after: _archives(world, after))
    return [
        Store("inputs", settings.upload_age_s - upload_s, upload_s, 0.5, *inputs),
        Store("results", age_s, every_s, share, *results),
        Store("archive", age_s, every_s, share, *archives),
    ]


def step(world: World) -> int:
    """Go on with whatever is due, for the sweeper's time at most; return how many orphans went."""
    return sum(Pass(world, store).step() for store in stores(world))


def take(world: World) -> int:
    """Look at everything in every store, from the beginning; return how many orphans went."""
    return sum(Pass(world, store).whole() for store in stores(world))


class Pass:
    """One pass over one store: it remembers how far it has come, and goes on there."""

    def __init__(self, world: World, store: Store) -> None:
        self.world, self.store = world, store
        self.memory = Inventories(world.accounts.table)
        self.job_id: str | None = None
        self.job: Job | None = None

    def step(self) -> int:
        """Go on where the last step stopped; begin anew where that is due."""
        progress, now = self.memory.get(self.store.name), self.world.clock()
        if not progress.under_way and now < progress.begun_time + self.store.every_s:
            return 0
        if not progress.under_way:
            progress = self._begun(progress, max(0, progress.until - OVERLAP_S))
        return self._slice(progress, now + self.world.config.sweep.every_s)

    def whole(self) -> int:
        """The whole store, without regard to earlier passes."""
        return self._slice(self._begun(self.memory.get(self.store.name), 0), None)

    def _begun(self, progress: Progress, since: float) -> Progress:
        return replace(
            progress,
            since=since,
            until=self.store.now() - self.store.age_s,
            begun_time=self.world.clock(),
            after="",
            under_way=True,
            seen=0,
            unknown=0,
            undeleted=0,
        )

    def _slice(self, progress: Progress, deadline: float | None) -> int:
        """Look until the deadline (epoch s) or the end, then delete, unless the brake holds."""
        if progress.held:
            return 0
        orphans, looked = self._look(progress, deadline)
        if self._is_suspicious(looked):
            self._hold(progress, looked)
            return 0
        deleted = sum(self._delete(stored) for stored in orphans)
        undeleted = looked.undeleted + len(orphans) - deleted
        self.memory.put(self._ended(replace(looked, undeleted=undeleted)))
        return deleted

    def _look(self, progress: Progress, deadline: float | None) -> tuple[list[Stored], Progress]:
        orphans: list[Stored] = []
        looked = progress
        for entry in self.store.entries(progress.after):
            if self._is_over(deadline, len(orphans)):
                break
            looked = replace(looked, after=entry.key)
            if progress.since <= entry.time <= progress.until:
                looked = self._met(looked, entry)
                if self.job is None or not is_referred_to(self.job, entry.stored):
                    orphans.append(entry.stored)
        else:
            looked = replace(looked, after="")
        return orphans, looked

    def _is_over(self, deadline: float | None, orphans: int) -> bool:
        return deadline is not None and (self.world.clock() > deadline or orphans >= SLICE_ORPHANS)

    def _met(self, looked: Progress, entry: Entry) -> Progress:
        """Read the row of the entry's job, once for all of its objects: they lie side by side."""
        if self.job_id == (entry.job_id or entry.key):
            return looked
        self.job_id, self.job = entry.job_id or entry.key, find(self.world, entry.job_id)
        unknown = looked.unknown + (self.job is None)
        return replace(looked, seen=looked.seen + 1, unknown=unknown)

    def _is_suspicious(self, looked: Progress) -> bool:
        """True if so many jobs have no row that rows may have been lost.

        However many objects one form made, or one job that has a row, raise no suspicion.
        """
        many = looked.unknown > max(FREE_UNKNOWN, self.store.share * looked.seen)
        return many and not looked.unbraked

    def _hold(self, progress: Progress, looked: Progress) -> None:
        self.memory.put(replace(progress, held=True))
        log.error(
            "inventory held: %d of %d jobs with objects in %s have no row, so nothing was deleted; "
            "if that is right, ./gas redrive inventory lets it go on",
            looked.unknown,
            looked.seen,
            self.store.name,
        )

    def _delete(self, stored: Stored) -> bool:
        """Delete one orphan; one that cannot be deleted keeps no other."""
        try:
            outbox.discard(self.world, stored)
        except Exception:
            log.exception("orphan %s could not be deleted", stored)
            return False
        return True

    def _ended(self, progress: Progress) -> Progress:
        """The progress after a slice; a pass that saw all, and deleted what it should, is over.

        Where something could not be deleted, or nothing was seen (a vault's inventory is not
        ready), the next pass looks at the same again.
        """
        if progress.after:
            return progress
        words = "inventory of %s: %d job(s) with objects, %d of them without a row"
        log.info(words, progress.store, progress.seen, progress.unknown)
        if progress.undeleted:
            words = "given up until the next inventory: %d orphan(s) of %s could not be deleted"
            log.error(words, progress.undeleted, progress.store)
        is_done = progress.seen > 0 and not progress.undeleted
        until = progress.until if is_done else progress.since + OVERLAP_S * (progress.since > 0)
        return replace(progress, under_way=False, unbraked=False, until=until)


def find(world: World, job_id: str) -> Job | None:
    """The job; None where there is none."""
    try:
        return world.jobs.get(job_id) if job_id else None
    except KeyError:
        return None


def is_referred_to(job: Job, stored: Stored) -> bool:
    """True if the job's row refers to these bytes."""
    return stored in job.stored


def _of(world: World, bucket: str) -> tuple[Callable[[], float], Callable[[str], Iterator[Entry]]]:
    """The clock of a bucket and its entries."""

    def entries(after: str) -> Iterator[Entry]:
        for item in world.files.listing(bucket, after=after):
            yield Entry(item.key, _job_id(item.key), S3Object(bucket, item.key), item.time)

    return lambda: world.files.now(bucket), entries


def _archives(world: World, after: str) -> Iterator[Entry]:
    for item in world.vault.inventory(after):
        yield Entry(item.archive_id, item.job_id, Archive(item.archive_id), item.time)


def _job_id(key: str) -> str:
    try:
        return parse(key).job_id
    except ValueError:
        return ""
