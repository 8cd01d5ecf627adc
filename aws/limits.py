"""Time limits of the clients of AWS: how long each kind of caller may wait for one call."""

from dataclasses import dataclass

from botocore.config import Config as ClientConfig

MAX_CONNECTIONS = 50
POLL_MARGIN_S = 10
"""How much longer than its long poll a receive may take."""


@dataclass(frozen=True)
class Limits:
    """The time limits (s) of one try of a call, and the number of tries.

    botocore's standard mode pauses up to 1 s, 2 s, 4 s … between tries.
    https://docs.aws.amazon.com/boto3/latest/guide/retries.html
    """

    connect_s: float
    read_s: float
    tries: int

    @property
    def call_s(self) -> float:
        """The longest that one call to a silent service takes."""
        pauses: int = 2 ** (self.tries - 1) - 1
        return self.tries * max(self.connect_s, self.read_s) + pauses

    def config(self, poll_s: float = 0) -> ClientConfig:
        """botocore's settings; `poll_s` is how long the service itself may wait to answer."""
        return ClientConfig(
            retries={"mode": "standard", "total_max_attempts": self.tries},
            connect_timeout=self.connect_s,
            read_timeout=max(self.read_s, poll_s + POLL_MARGIN_S if poll_s else 0),
            max_pool_connections=MAX_CONNECTIONS,
        )


PAGE = Limits(connect_s=1, read_s=3, tries=2)
"""Somebody looks at the browser: with one silent service, the page that says so within 10 s."""
SWEEPER = Limits(connect_s=2, read_s=10, tries=2)
"""The row falls due again: one that waits holds the others up."""
DAEMON = Limits(connect_s=5, read_s=20, tries=5)
"""A message is in hand, whose heartbeat goes on meanwhile."""
INSTANCE = Limits(connect_s=1, read_s=2, tries=1)
"""A courtesy to Auto Scaling, tried again every few seconds."""
