"""A zip archive that is made while it is sent."""

import io

from web.services.zip_stream import CHUNK_BYTES, zipped


def test_every_stream_is_closed_also_where_the_reader_goes_away() -> None:
    streams = [io.BytesIO(bytes(2 * CHUNK_BYTES)) for _ in range(2)]
    parts = zipped((f"{n}.gz", stream) for n, stream in enumerate(streams))
    next(parts)
    next(parts)
    next(parts)
    assert [stream.closed for stream in streams] == [True, False]
    parts.close()
    assert [stream.closed for stream in streams] == [True, True]
