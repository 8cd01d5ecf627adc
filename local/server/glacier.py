"""Glacier's vault API: unique archive ids, retrievals that take their time and announce their end.

https://docs.aws.amazon.com/amazonglacier/latest/dev/amazon-glacier-api.html
"""

import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterable
from typing import Any

from local.server.control import ControlSettings
from local.server.ranges import NotSatisfiable, Slice, span_of
from local.server.timers import Timers
from local.server.vaults import (
    LocalVault,
    MultipartUpload,
    RetrievalJob,
    StoredArchive,
    VaultStore,
    new_id,
    tree_hash,
)
from local.server.wsgi import REASONS, App, Environ, StartResponse, answer, path_of, signed_service

PATH = re.compile(r"/[^/]+/vaults(?:/(?P<vault>[^/]+))?(?P<rest>/.*)?")
RANGE = re.compile(r"bytes (\d+)-(\d+)/\*")
ID_CHARACTERS = {"archive": 138, "job": 92, "upload": 92}
Publish = Callable[[str, str], None]
Reply = tuple[int, dict[str, str], Iterable[bytes]]
NOTHING: Iterable[bytes] = ()


class GlacierError(Exception):
    """An error answer: HTTP status, Glacier's code, words."""

    def __init__(self, status: int, code: str, words: str) -> None:
        super().__init__(words)
        self.status, self.code, self.words = status, code, words


def missing(words: str) -> GlacierError:
    return GlacierError(404, "ResourceNotFoundException", words)


def invalid(words: str) -> GlacierError:
    return GlacierError(400, "InvalidParameterValueException", words)


class Glacier:
    """Middleware that answers what is signed for `glacier`; everything else goes on."""

    def __init__(
        self,
        app: App,
        settings: ControlSettings,
        timers: Timers,
        publish: Publish,
        store: VaultStore,
    ) -> None:
        self.app, self.settings, self.store = app, settings, store
        self.timers, self.publish = timers, publish
        self.routes: list[tuple[str, str, Callable[[LocalVault, str, Environ], Reply]]] = [
            ("GET", "", self._describe_vault),
            ("POST", "/archives", self._store),
            ("DELETE", "/archives/(?P<id>[^/]+)", self._delete),
            ("POST", "/jobs", self._ask),
            ("GET", "/jobs", self._list),
            ("GET", "/jobs/(?P<id>[^/]+)", self._describe),
            ("GET", "/jobs/(?P<id>[^/]+)/output", self._output),
            ("POST", "/multipart-uploads", self._begin),
            ("PUT", "/multipart-uploads/(?P<id>[^/]+)", self._part),
            ("POST", "/multipart-uploads/(?P<id>[^/]+)", self._complete),
            ("DELETE", "/multipart-uploads/(?P<id>[^/]+)", self._abort),
        ]

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        match = PATH.fullmatch(path_of(environ))
        if signed_service(environ) != "glacier" or not match:
            return self.app(environ, start_response)
        try:
            status, headers, body = self._route(match, environ)
        except GlacierError as error:
            headers = {"x-amzn-ErrorType": error.code}
            fields = {"code": error.code, "message": error.words, "type": "Client"}
            return answer(
                start_response, error.status, json.dumps(fields).encode(), headers=headers
            )
        if status in (201, 202):
            headers["Content-Length"] = "0"
        start_response(f"{status} {REASONS[status]}", list(headers.items()))
        return body

    def _route(self, match: re.Match[str], environ: Environ) -> Reply:
        method, name, rest = environ["REQUEST_METHOD"], match["vault"], match["rest"] or ""
        if name is None:
            return _json({"VaultList": [v.described() for v in self.store.vaults.values()]})
        if (method, rest) == ("PUT", ""):
            self.store.vaults.setdefault(name, LocalVault(name))
            return 201, {}, NOTHING
        vault = self.store.vaults.get(name)
        if vault is None:
            raise missing(f"Vault not found: {name}")
        for verb, pattern, act in self.routes:
            found = re.fullmatch(pattern, rest)
            if verb == method and found:
                return act(vault, found.groupdict().get("id", ""), environ)
        raise missing(f"{method} {rest} is not served here")

    def _describe_vault(self, vault: LocalVault, _: str, environ: Environ) -> Reply:
        return _json(vault.described())

    def _store(self, vault: LocalVault, _: str, environ: Environ) -> Reply:
        description = environ.get("HTTP_X_AMZ_ARCHIVE_DESCRIPTION", "")
        archive_id = new_id(ID_CHARACTERS["archive"])
        with self.store.path(archive_id).open("wb") as file:
            shutil.copyfileobj(environ["wsgi.input"], file)
        return self._stored(vault, archive_id, description, environ)

    def _stored(
        self, vault: LocalVault, archive_id: str, description: str, environ: Environ
    ) -> Reply:
        """The file of that id becomes an archive, if it is what the sender says."""
        with self.store.path(archive_id).open("rb") as file:
            is_hash = tree_hash(file)
            size = file.tell()
        if not _is_hash_given(environ, is_hash):
            self.store.drop(archive_id)
            raise invalid("Checksum mismatch")
        vault.archives[archive_id] = StoredArchive(archive_id, description, size, is_hash)
        location = f"/-/vaults/{vault.name}/archives/{archive_id}"
        fields = {"x-amz-archive-id": archive_id, "x-amz-sha256-tree-hash": is_hash}
        return 201, {**fields, "Location": location}, NOTHING

    def _delete(self, vault: LocalVault, archive_id: str, environ: Environ) -> Reply:
        if vault.archives.pop(archive_id, None) is None:
            raise missing(f"The archive ID was not found: {archive_id}")
        self.store.drop(archive_id)
        return 204, {}, NOTHING

    def _ask(self, vault: LocalVault, _: str, environ: Environ) -> Reply:
        request = json.load(environ["wsgi.input"])
        tier = request.setdefault("Tier", "Standard")
        archive = self._wanted(vault, request)
        if self.settings.refuses(tier):
            words = "Insufficient capacity available to process this expedited request."
            raise GlacierError(503, "InsufficientCapacityException", words)
        job_id, delay_s = new_id(ID_CHARACTERS["job"]), self.settings.delay_s(tier)
        size = self._fill(vault, job_id, archive)
        known_hash = archive.tree_hash if archive else None
        job = RetrievalJob(job_id, vault.arn, request, time.time() + delay_s, size, known_hash)
        vault.retrievals[job_id] = job
        if "SNSTopic" in request:
            self.timers.after(delay_s, lambda: self._announce(job))
        location = f"/-/vaults/{vault.name}/jobs/{job_id}"
        return 202, {"x-amz-job-id": job_id, "Location": location}, NOTHING

    def _wanted(self, vault: LocalVault, request: dict[str, Any]) -> StoredArchive | None:
        """The archive that a retrieval asks for; None where it asks for the inventory."""
        if request["Type"] == "inventory-retrieval":
            return None
        if request.get("ArchiveId") not in vault.archives:
            raise missing(f"The archive ID was not found: {request.get('ArchiveId')}")
        return vault.archives[request["ArchiveId"]]

    def _fill(self, vault: LocalVault, job_id: str, archive: StoredArchive | None) -> int:
        """Set the output aside, so that it outlives the archive's deletion; return its size."""
        output = self.store.path(job_id)
        if archive is None:
            return output.write_bytes(json.dumps(vault.inventory()).encode())
        os.link(self.store.path(archive.id), output)
        return archive.size

    def _announce(self, job: RetrievalJob) -> None:
        self.publish(job.request["SNSTopic"], json.dumps(job.described()))

    def _list(self, vault: LocalVault, _: str, environ: Environ) -> Reply:
        self._forget(vault)
        jobs = [job.described() for job in list(vault.retrievals.values())]
        return _json({"JobList": jobs, "Marker": None})

    def _describe(self, vault: LocalVault, job_id: str, environ: Environ) -> Reply:
        return _json(self._retrieval(vault, job_id).described())

    def _output(self, vault: LocalVault, job_id: str, environ: Environ) -> Reply:
        job = self._retrieval(vault, job_id)
        if not job.is_ready:
            raise invalid(f"The job is not currently available for download: {job_id}")
        try:
            span = span_of(environ.get("HTTP_RANGE", ""), job.size)
        except NotSatisfiable:
            raise invalid("Invalid range") from None
        headers = {"Content-Type": "application/octet-stream", **span.headers}
        if job.tree_hash and span.length == job.size:
            headers["x-amz-sha256-tree-hash"] = job.tree_hash
        return span.status, headers, Slice(os.open(self.store.path(job_id), os.O_RDONLY), span)

    def _retrieval(self, vault: LocalVault, job_id: str) -> RetrievalJob:
        self._forget(vault)
        if job_id not in vault.retrievals:
            raise missing(f"The job ID was not found: {job_id}")
        return vault.retrievals[job_id]

    def _forget(self, vault: LocalVault) -> None:
        """Glacier keeps a job and its output for a day after it ended."""
        for retrieval_id in vault.forget(self.settings.kept_s):
            self.store.drop(retrieval_id)

    def _begin(self, vault: LocalVault, _: str, environ: Environ) -> Reply:
        upload_id = new_id(ID_CHARACTERS["upload"])
        vault.uploads[upload_id] = MultipartUpload(
            environ.get("HTTP_X_AMZ_ARCHIVE_DESCRIPTION", "")
        )
        self.store.path(upload_id).touch()
        return 201, {"x-amz-multipart-upload-id": upload_id}, NOTHING

    def _part(self, vault: LocalVault, upload_id: str, environ: Environ) -> Reply:
        upload, body = self._upload(vault, upload_id), environ["wsgi.input"]
        span = RANGE.fullmatch(environ.get("HTTP_CONTENT_RANGE", ""))
        size = int(environ.get("CONTENT_LENGTH") or 0)
        if not span or int(span[2]) - int(span[1]) + 1 != size:
            raise invalid("Invalid Content-Range")
        is_hash = tree_hash(body)
        if not _is_hash_given(environ, is_hash):
            raise invalid("Checksum mismatch")
        body.seek(0)
        with self.store.path(upload_id).open("r+b") as file:
            file.seek(int(span[1]))
            shutil.copyfileobj(body, file)
        upload.parts[int(span[1])] = size
        return 204, {"x-amz-sha256-tree-hash": is_hash}, NOTHING

    def _complete(self, vault: LocalVault, upload_id: str, environ: Environ) -> Reply:
        upload, end = self._upload(vault, upload_id), 0
        for first, size in sorted(upload.parts.items()):
            if first != end:
                raise invalid("Parts are missing")
            end += size
        if str(end) != environ.get("HTTP_X_AMZ_ARCHIVE_SIZE"):
            raise invalid("Parts are missing")
        archive_id = new_id(ID_CHARACTERS["archive"])
        os.link(self.store.path(upload_id), self.store.path(archive_id))
        reply = self._stored(vault, archive_id, upload.description, environ)
        self._abort(vault, upload_id, environ)
        return reply

    def _abort(self, vault: LocalVault, upload_id: str, environ: Environ) -> Reply:
        if vault.uploads.pop(upload_id, None):
            self.store.drop(upload_id)
        return 204, {}, NOTHING

    def _upload(self, vault: LocalVault, upload_id: str) -> MultipartUpload:
        if upload_id not in vault.uploads:
            raise missing(f"The upload ID was not found: {upload_id}")
        return vault.uploads[upload_id]


def _is_hash_given(environ: Environ, is_hash: str) -> bool:
    return bool(environ.get("HTTP_X_AMZ_SHA256_TREE_HASH") == is_hash)


def _json(reply: dict[str, Any]) -> Reply:
    body = json.dumps(reply).encode()
    return 200, {"Content-Type": "application/json", "Content-Length": str(len(body))}, [body]
