"""The accounts table: users, and the role that decides whose results are kept."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from enum import StrEnum

from aws.rows import sessions
from aws.rows.job import MAX_DOUBLINGS, MAX_RETRIES, Timeouts
from aws.rows.sessions import Session
from aws.rows.table import GIVEN_UP, Conflict, Row, Table, shard

DAY_S = 24 * 3600


class DailyLimit(Exception):
    """The user has had as many retrievals today as a day may have."""


class Role(StrEnum):
    FREE = "free_user"
    PREMIUM = "premium_user"


class MailKind(StrEnum):
    """A kind of mail that its recipient can switch off."""

    ENDED = "ended"
    RETURNED = "returned"


class ClosedAccount(Exception):
    """An account that the operators have closed."""


@dataclass(frozen=True)
class Account:
    """One row of the accounts table; `user_id` is the Globus identity's UUID.

    `pending_role_change` is the number of the role change that `restore` has not yet acted on;
    `mailed_return` that of the last one whose results came back and were announced.
    """

    user_id: str
    name: str
    email: str
    institution: str = ""
    role: Role = Role.FREE
    created_time: int = 0
    rev: int = 0
    write_token: str = ""
    role_changes: int = 0
    changed_time: int = 0
    pending_role_change: int | None = None
    reminders: int = 0
    reminder_time: int = 0
    customer: str | None = None
    retrieval_day: int = 0
    retrievals: int = 0
    sessions: tuple[Session, ...] = ()
    closed: bool = False
    mail_off: tuple[str, ...] = ()
    mailed_return: int = 0

    @property
    def is_premium(self) -> bool:
        return self.role is Role.PREMIUM

    @property
    def event(self) -> dict[str, str]:
        """The event that SNS carries of this account: ids only."""
        return {"user_id": self.user_id}


class Accounts:
    """Accounts by user; a change of role stays pending until `restore` has acted on it."""

    def __init__(
        self, table: Table, timeouts: Timeouts, clock: Callable[[], float] = time.time
    ) -> None:
        self.table, self.timeouts, self.clock = table, timeouts, clock

    def get(self, user_id: str) -> Account:
        """The account, read strongly consistent. Raises KeyError for an unknown user."""
        row = self.table.get(user_id)
        if row is None:
            raise KeyError(user_id)
        return _account(row)

    def sign_in(self, user_id: str, name: str, email: str, institution: str) -> Account:
        """Create the account at the first login; later logins update it from Globus."""
        new = Account(user_id, name, email, institution, created_time=int(self.clock()))
        try:
            return _account(self.table.create(self._row(new)))
        except Conflict:
            return self.change(
                user_id,
                lambda a: replace(a, name=name, email=email, institution=institution),
            )

    def begin_session(self, user_id: str, login_id: str, agent: str) -> Account:
        """Record a browser's session, once for each login. Raises UsedLogin, or ClosedAccount."""
        now = int(self.clock())

        def begin(account: Account) -> Account:
            if account.closed:
                raise ClosedAccount(user_id)
            begun = sessions.begun(account.sessions, login_id, agent, now)
            return replace(account, sessions=begun)

        return self.change(user_id, begin)

    def touch_session(self, user_id: str, session_id: str) -> Account:
        """Record that a session is in use."""
        now = int(self.clock())
        return self._sessions(user_id, lambda s: sessions.seen(s, session_id, now))

    def end_sessions(self, user_id: str, session_id: str | None = None) -> Account:
        """End one session, or all of the user's: their cookies are good for nothing from now on."""
        now = int(self.clock())
        return self._sessions(user_id, lambda s: sessions.ended(s, session_id, now))

    def close(self, user_id: str, closed: bool = True) -> Account:
        """Let nobody sign in to the account, and end its sessions; or open it again."""
        now = int(self.clock())
        return self.change(
            user_id,
            lambda a: replace(a, closed=closed, sessions=sessions.ended(a.sessions, None, now)),
        )

    def subscribe(self, user_id: str, customer: str | None = None) -> Account:
        """Make the user premium, paid for by `customer`; already premium changes no role."""
        return self.change(user_id, lambda a: self._role(a, Role.PREMIUM, customer))

    def unsubscribe(self, user_id: str) -> Account:
        """Make the user free; already free changes nothing."""
        return self.change(user_id, lambda a: self._role(a, Role.FREE, a.customer))

    def clear_role_change(self, user_id: str, number: int) -> Account:
        """Record that role change `number` was acted on; a later change stays pending."""
        return self.change(
            user_id,
            lambda a: (
                replace(a, pending_role_change=None) if a.pending_role_change == number else a
            ),
        )

    def count_retrieval(self, user_id: str, most: int) -> Account:
        """Count one more retrieval of today (UTC). Raises DailyLimit beyond `most`."""
        day = int(self.clock()) // DAY_S

        def count(account: Account) -> Account:
            so_far = account.retrievals if account.retrieval_day == day else 0
            if so_far >= most:
                raise DailyLimit(f"{user_id} has had {most} retrievals today")
            return replace(account, retrieval_day=day, retrievals=so_far + 1)

        return self.change(user_id, count)

    def await_tomorrow(self, user_id: str) -> Account:
        """Have what a day's limit holds back found again, however many days it takes."""
        now = int(self.clock())
        return self.change(
            user_id,
            lambda a: replace(
                a,
                pending_role_change=a.role_changes,
                reminders=MAX_DOUBLINGS,
                reminder_time=now,
            ),
        )

    def choose_mail(self, user_id: str, off: tuple[MailKind, ...]) -> Account:
        """Record the kinds of mail that the user wants none of."""
        return self.change(user_id, lambda a: replace(a, mail_off=tuple(map(str, off))))

    def mark_return_mailed(self, user_id: str, number: int) -> Account:
        """Record that the return of the results of role change `number` was announced."""
        return self.change(
            user_id, lambda a: replace(a, mailed_return=max(a.mailed_return, number))
        )

    def count_reminder(self, user_id: str) -> Account:
        """Record a reminder to `restore`; the wait before the next one doubles."""
        now = int(self.clock())
        return self.change(
            user_id, lambda a: replace(a, reminders=a.reminders + 1, reminder_time=now)
        )

    def due(self) -> Iterator[str]:
        """The users with a role change whose consequences are overdue, by their ids."""
        return (row["user_id"] for row in self.table.due(int(self.clock())))

    def _sessions(
        self, user_id: str, alter: Callable[[sessions.Sessions], sessions.Sessions]
    ) -> Account:
        return self.change(user_id, lambda a: replace(a, sessions=alter(a.sessions)))

    def waiting(self, after_s: float) -> Iterator[str]:
        """The users whose consequences fall due more than `after_s` from now, by their ids."""
        return (row["user_id"] for row in self.table.waiting(self.clock() + after_s))

    def given_up(self) -> Iterator[Account]:
        """Every account whose role change was announced in vain, again and again."""
        return (_account(row) for row in self.table.given_up())

    def resume(self, user_id: str) -> Account:
        """Have the role change announced again: the operator's word."""
        return self.change(user_id, lambda a: replace(a, reminders=0, reminder_time=0))

    def bound_times(self, user_id: str) -> Account:
        """Take back times that only a clock that was ahead has written."""
        now = int(self.clock())
        return self.change(
            user_id,
            lambda a: replace(
                a,
                changed_time=min(a.changed_time, now),
                reminder_time=min(a.reminder_time, now),
            ),
        )

    def _role(self, account: Account, role: Role, customer: str | None) -> Account:
        if account.role is role:
            return replace(account, customer=customer or account.customer)
        number = account.role_changes + 1
        return replace(
            account,
            role=role,
            customer=customer or account.customer,
            role_changes=number,
            pending_role_change=number,
            changed_time=int(self.clock()),
            reminders=0,
            reminder_time=0,
        )

    def change(self, user_id: str, alter: Callable[[Account], Account]) -> Account:
        """Alter the account by a pure function, again while others write in between."""
        return _account(self.table.change(user_id, lambda row: self._row(alter(_account(row)))))

    def _row(self, account: Account) -> Row:
        row = {f.name: getattr(account, f.name) for f in fields(Account)}
        row |= {"role": str(account.role), "sessions": sessions.stored(account.sessions)}
        row["mail_off"] = list(account.mail_off)
        if account.pending_role_change is not None:
            since = max(account.changed_time, account.reminder_time)
            wait_s = self.timeouts.grace_s * 2 ** min(account.reminders, MAX_DOUBLINGS)
            ended = account.reminders >= MAX_RETRIES
            place = GIVEN_UP if ended else shard(account.user_id)
            row |= {"due_time": since + wait_s, "due_shard": place}
        return {name: value for name, value in row.items() if value is not None}


def _account(row: Row) -> Account:
    known = {f.name for f in fields(Account)}
    account = Account(**{name: value for name, value in row.items() if name in known})
    found = sessions.loaded(row.get("sessions", []))
    return replace(
        account, role=Role(account.role), sessions=found, mail_off=tuple(account.mail_off)
    )
