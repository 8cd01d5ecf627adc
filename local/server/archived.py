"""The checksums of archived bytes, which nobody can read without a retrieval: for proofs."""

import hashlib
from collections.abc import Iterable, Iterator
from threading import RLock
from typing import Any
from urllib.parse import parse_qs

from moto.s3.models import FakeDeleteMarker

from local.server.objects import open_whole
from local.server.restores import s3_backend
from local.server.vaults import VaultStore
from local.server.wsgi import App, Environ, StartResponse, answer_json, path_of

PATH = "/_gas/archives"


class Archived:
    """Middleware: `GET /_gas/archives?of=NAME` has the SHA-256 of each archive, by its id.

    NAME is a bucket of archives, or a vault.
    """

    def __init__(self, app: App, store: VaultStore, lock: RLock) -> None:
        self.app, self.store, self.lock = app, store, lock

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        if path_of(environ) != PATH:
            return self.app(environ, start_response)
        (name,) = parse_qs(environ.get("QUERY_STRING", "")).get("of", [""])
        with self.lock:
            found = dict(self._of_bucket(name)) | dict(self._of_vault(name))
        return answer_json(start_response, 200, found)

    def _of_bucket(self, name: str) -> Iterator[tuple[str, str]]:
        bucket = s3_backend().buckets.get(name)
        for key, stored in bucket.keys.items() if bucket else ():
            if not isinstance(stored, FakeDeleteMarker):
                yield key, _sha256(open_whole(stored))

    def _of_vault(self, name: str) -> Iterator[tuple[str, str]]:
        vault = self.store.vaults.get(name)
        for archive_id in list(vault.archives) if vault else ():
            with self.store.path(archive_id).open("rb") as file:
                yield archive_id, hashlib.file_digest(file, "sha256").hexdigest()


def _sha256(parts: Any) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()
