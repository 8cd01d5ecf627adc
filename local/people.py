"""The people whom the local Globus lets one log in as."""

import re
import uuid
from dataclasses import dataclass

FREE = "free: small files, results archived after a while"
PREMIUM = "premium: large files, results kept"
NEWCOMER = "free, of no institution"
LOAD = re.compile(r"load-(\d{1,6})")


@dataclass(frozen=True)
class DemoUser:
    """An identity; `sub` is stable from run to run."""

    key: str
    name: str
    email: str
    institution: str
    role: str = ""
    """Shown in the ready line of `./gas up`."""

    @property
    def sub(self) -> str:
        return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{self.key}.local.gas"))

    def claims(self) -> dict[str, str]:
        """OpenID Connect's standard claims, as Globus Auth gives them."""
        claims = {
            "sub": self.sub,
            "name": self.name,
            "email": self.email,
            "preferred_username": self.email,
            "organization": self.institution,
            "identity_provider_display_name": self.institution,
        }
        return {name: value for name, value in claims.items() if value}


PEOPLE = {
    person.key: person
    for person in (
        DemoUser("free", "Freya Lind", "freya.lind@uni.example", "University of Example", FREE),
        DemoUser(
            "premium", "Priya Raman", "priya.raman@institute.example", "Example Institute", PREMIUM
        ),
        DemoUser("newcomer", "Noor Haddad", "noor.haddad@mail.example", "", NEWCOMER),
    )
}


def find(key: str) -> DemoUser:
    """The person of that key; `load-<n>` is the n-th of a crowd. Raises KeyError."""
    if LOAD.fullmatch(key):
        return DemoUser(key, f"Visitor {key}", f"{key}@load.example", "Load Test")
    return PEOPLE[key]
