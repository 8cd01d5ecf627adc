"""Several files as one zip archive, made while it is sent: nothing of it is stored."""

import io
import zipfile
from collections.abc import Generator, Iterator
from contextlib import closing
from typing import IO, Any, cast

CHUNK_BYTES = 1 << 18


class _Sink(io.RawIOBase):
    """A file that zipfile writes to and that cannot seek; what was written is taken out again."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def writable(self) -> bool:
        return True

    def write(self, part: Any, /) -> int:
        self.parts.append(bytes(part))
        return len(part)

    def taken(self) -> bytes:
        whole, self.parts = b"".join(self.parts), []
        return whole


def zipped(members: Iterator[tuple[str, IO[bytes]]]) -> Generator[bytes]:
    """The bytes of an archive of these names and streams, uncompressed: results are already."""
    sink = _Sink()
    with zipfile.ZipFile(cast(IO[bytes], sink), "w", zipfile.ZIP_STORED) as archive:
        for name, stream in members:
            with closing(stream), archive.open(name, "w", force_zip64=True) as member:
                while chunk := stream.read(CHUNK_BYTES):
                    member.write(chunk)
                    yield sink.taken()
    yield sink.taken()
