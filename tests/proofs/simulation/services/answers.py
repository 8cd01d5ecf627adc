"""How a simulated service refuses, and how it is called."""

from collections.abc import Callable
from typing import Any

Reply = dict[str, Any]
Operation = Callable[..., Reply]


class ServiceError(Exception):
    """A refusal of a simulated service, before botocore makes an exception of it."""

    def __init__(self, code: str, status: int = 400, message: str = "") -> None:
        super().__init__(code)
        self.code, self.status = code, status
        self.message = message or code

    @property
    def reply(self) -> Reply:
        """The parsed answer that botocore's exceptions are made of."""
        return {
            "Error": {"Code": self.code, "Message": self.message},
            "ResponseMetadata": {"HTTPStatusCode": self.status, "HTTPHeaders": {}},
        }
