"""Several files as one zip archive, made while it is sent: nothing of it is stored."""

import zipfile
from collections.abc import Iterator
from typing import IO

CHUNK_BYTES = 1 << 18


class _Sink:
    """A file that zipfile writes to and that cannot seek; what was written is taken out again."""

    def __init__(self) -> None:
        self.parts: list[bytes] = []

    def write(self, part: bytes) -> int:
        self.parts.append(bytes(part))
        return len(part)

    def flush(self) -> None:
        """Nothing waits anywhere."""

    def taken(self) -> bytes:
        whole, self.parts = b"".join(self.parts), []
        return whole


def zipped(members: Iterator[tuple[str, IO[bytes]]]) -> Iterator[bytes]:
    """The bytes of an archive of these names and streams, uncompressed: results are already."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED) as archive:  # type: ignore[arg-type]
        for name, stream in members:
            with archive.open(name, "w", force_zip64=True) as member:
                while chunk := stream.read(CHUNK_BYTES):
                    member.write(chunk)
                    yield sink.taken()
    yield sink.taken()
