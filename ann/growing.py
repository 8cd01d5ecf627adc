"""Reads files while another process still writes them."""

from pathlib import Path
from typing import Protocol, Self

LOOK_S = 0.005
"""How long a reader that has read all that is there waits for more at a time."""


class Growth(Protocol):
    """Tells if files still grow."""

    is_over: bool

    def look(self, seconds: float = 0) -> None:
        """Hear what the writer has to say, for which it waits so long. Raises what ends both."""


class Ended:
    """The growth of files that nobody writes to any more."""

    is_over = True

    def look(self, seconds: float = 0) -> None:
        """There is nobody to hear."""


ENDED = Ended()


class GrowingFile:
    """A file that is read while it grows; a context manager."""

    def __init__(self, path: Path, growth: Growth = ENDED) -> None:
        self.file, self.growth = path.open("rb", buffering=0), growth

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def more(self, size: int) -> bytes:
        """Up to `size` bytes, once some are there; none: the file's end."""
        while True:
            self.growth.look()
            is_over = self.growth.is_over  # before it is read, as more may come until then
            text = self.file.read(size)
            if text or is_over:
                return text
            self.growth.look(LOOK_S)

    def exactly(self, size: int) -> bytes:
        """So many bytes, once they are there; fewer where the file ends."""
        parts = []
        while size and (part := self.more(size)):
            parts.append(part)
            size -= len(part)
        return b"".join(parts)


class LineFile(GrowingFile):
    """A file that is read by whole lines."""

    def __init__(self, path: Path, growth: Growth = ENDED) -> None:
        super().__init__(path, growth)
        self.held: list[bytes] = []

    def read(self, size: int) -> bytes:
        """Some lines of about `size` bytes together, once they are there; none: the file's end."""
        while text := self.more(size):
            cut = text.rfind(b"\n") + 1
            if cut:
                lines = b"".join([*self.held, text[:cut]])
                self.held = [text[cut:]] if cut < len(text) else []
                return lines
            self.held.append(text)
        rest, self.held = b"".join(self.held), []
        return rest
