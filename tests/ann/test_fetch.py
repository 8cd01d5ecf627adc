"""Files from paths and URLs: checked, and going on where they broke off."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from ann.fetch import ATTEMPTS, Fetcher, FetchError

BODY = bytes(range(256)) * 40
SHA256 = hashlib.sha256(BODY).hexdigest()


@dataclass
class Site:
    """A server of one file: how it is to answer, and what it was asked."""

    url: str = ""
    body: bytes = BODY
    etag: str = '"one"'
    cuts: list[int] = field(default_factory=list)
    """Lengths after which an answer breaks off, one for each request."""
    statuses: list[int] = field(default_factory=list)
    ranges: list[str | None] = field(default_factory=list)

    def range_of(self, wanted: str | None, validator: str | None) -> int:
        found = re.fullmatch(r"bytes=(\d+)-", wanted or "")
        return int(found[1]) if found and validator == self.etag else 0


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # noqa: N802 the name that http.server calls
            made.ranges.append(self.headers.get("Range"))
            if made.statuses:
                self.send_error(made.statuses.pop(0))
                return
            start = made.range_of(self.headers.get("Range"), self.headers.get("If-Range"))
            body = made.body[start:]
            self.send_response(206 if start else 200)
            self.send_header("Content-Length", str(len(body)))
            if made.etag:
                self.send_header("ETag", made.etag)
            self.end_headers()
            self.wfile.write(body[: made.cuts.pop(0)] if made.cuts else body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=server.serve_forever)
    thread.start()
    made.url = f"http://127.0.0.1:{server.server_port}/genome.fa.gz"
    yield made
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def fetcher(tmp_path: Path, said: list[str]) -> Iterator[Fetcher]:
    made = Fetcher(tmp_path / "downloads", say=said.append, backoff_s=0)
    yield made
    made.session.close()


def test_a_download_that_breaks_off_goes_on_where_it_was(fetcher: Fetcher, site: Site) -> None:
    site.cuts = [4000, 3000]
    assert fetcher.get(f"{site.url}#sha256={SHA256}").read_bytes() == BODY
    assert site.ranges == [None, "bytes=4000-", "bytes=7000-"]


def test_the_next_attempt_of_another_process_goes_on_too(fetcher: Fetcher, site: Site) -> None:
    site.cuts = [1000] + [0] * ATTEMPTS
    with pytest.raises(FetchError, match="run the command again"):
        fetcher.get(site.url)
    site.cuts.clear()
    assert fetcher.get(site.url).read_bytes() == BODY
    assert site.ranges[-1] == "bytes=1000-"


def test_a_file_that_changed_meanwhile_is_brought_anew(fetcher: Fetcher, site: Site) -> None:
    site.cuts = [4000] + [0] * ATTEMPTS
    with pytest.raises(FetchError):
        fetcher.get(site.url)
    site.cuts.clear()
    site.body, site.etag = BODY[::-1], '"two"'
    assert fetcher.get(site.url).read_bytes() == BODY[::-1]


def test_without_a_validator_a_download_begins_anew(fetcher: Fetcher, site: Site) -> None:
    site.etag, site.cuts = "", [4000]
    assert fetcher.get(site.url).read_bytes() == BODY
    assert site.ranges == [None, None]


def test_a_whole_file_is_not_brought_again(fetcher: Fetcher, site: Site) -> None:
    assert fetcher.get(site.url) == fetcher.get(site.url)
    assert len(site.ranges) == 1


def test_a_server_that_is_ill_is_asked_again_but_not_for_what_it_has_not(
    fetcher: Fetcher, site: Site
) -> None:
    site.statuses = [503, 500]
    assert fetcher.get(site.url).read_bytes() == BODY
    site.statuses = [404]
    with pytest.raises(FetchError, match="404"):
        fetcher.get(site.url + "x")


def test_a_wrong_checksum_is_told_and_the_file_not_kept(fetcher: Fetcher, site: Site) -> None:
    with pytest.raises(FetchError, match="has the md5 "):
        fetcher.get(f"{site.url}#md5=00")
    assert fetcher.get(f"{site.url}#sha256={SHA256.upper()}").read_bytes() == BODY
    assert len(site.ranges) == 2


def test_a_mirror_is_asked_first(fetcher: Fetcher, site: Site, tmp_path: Path) -> None:
    (tmp_path / "genome.fa.gz").write_bytes(b"copy")
    mirrored = Fetcher(tmp_path / "downloads", tmp_path, fetcher.say, session=fetcher.session)
    assert mirrored.get(site.url).read_bytes() == b"copy"
    assert not site.ranges


def test_paths_and_file_urls_are_taken_where_they_are(fetcher: Fetcher, tmp_path: Path) -> None:
    (tmp_path / "a b.fa").write_bytes(b"x")
    path = tmp_path / "a b.fa"
    assert fetcher.get(str(path)) == fetcher.get(path.as_uri()) == path
    assert path.exists()


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("/no/such.fa", "no such file"),
        ("/", "no such file"),
        ("ftp://host/x.fa", "only http, https and file URLs"),
        ("http://127.0.0.1/", "names no file"),
    ],
)
def test_what_cannot_be_had_is_told(fetcher: Fetcher, source: str, words: str) -> None:
    with pytest.raises(FetchError, match=words):
        fetcher.get(source)
