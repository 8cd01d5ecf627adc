"""The sessions of a signed-in user, as the account's row keeps them: begun, seen, ended."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

MAX_SESSIONS = 20
"""The sessions that a row remembers, ended ones among them; a new one pushes out the oldest."""
AGENT_CHARACTERS = 120


class UsedLogin(Exception):
    """A login that has made a session already, perhaps one that has ended."""


@dataclass(frozen=True)
class Session:
    """One browser's session; its id is that of the login that began it, which is good for one."""

    id: str
    began_time: int
    seen_time: int
    agent: str = ""
    ended_time: int | None = None

    def is_live(self, now: float, idle_s: int, whole_s: int) -> bool:
        """Neither ended, nor unused for `idle_s`, nor older than `whole_s`."""
        is_fresh = now - self.seen_time < idle_s and now - self.began_time < whole_s
        return self.ended_time is None and is_fresh


Sessions = tuple[Session, ...]


def begun(sessions: Sessions, login_id: str, agent: str, now: int) -> Sessions:
    """The sessions with one more, the newest last. Raises UsedLogin."""
    if any(session.id == login_id for session in sessions):
        raise UsedLogin(login_id)
    new = Session(login_id, now, now, agent[:AGENT_CHARACTERS])
    return (*sessions, new)[-MAX_SESSIONS:]


def seen(sessions: Sessions, session_id: str, now: int) -> Sessions:
    """The sessions, with one of them used just now."""
    return tuple(replace(s, seen_time=now) if s.id == session_id else s for s in sessions)


def ended(sessions: Sessions, session_id: str | None, now: int) -> Sessions:
    """The sessions, with one of them ended; all of them where `session_id` is None."""
    return tuple(
        replace(s, ended_time=now) if s.ended_time is None and session_id in (None, s.id) else s
        for s in sessions
    )


def stored(sessions: Sessions) -> list[dict[str, Any]]:
    """The sessions as a row keeps them."""
    return [asdict(session) for session in sessions]


def loaded(rows: list[Mapping[str, Any]]) -> Sessions:
    """The sessions out of a row."""
    return tuple(Session(**row) for row in rows)
