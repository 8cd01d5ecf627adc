"""Glacier's vault API: unique archive ids, retrievals that take their time and announce their end.

https://docs.aws.amazon.com/amazonglacier/latest/dev/amazon-glacier-api.html
"""

import base64
import hashlib
import json
import re
import secrets
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from local.settings import Settings
from local.wsgi import App, Environ, StartResponse, answer, path_of, signed_service

ACCOUNT = "123456789012"
PATH = re.compile(r"/[^/]+/vaults(?:/(?P<vault>[^/]+))?(?P<rest>/.*)?")
MIB = 1024 * 1024
Publish = Callable[[str, str], None]
Reply = tuple[int, dict[str, str], bytes]


class GlacierError(Exception):
    """An error answer: HTTP status, Glacier's code, words."""

    def __init__(self, status: int, code: str, words: str) -> None:
        super().__init__(words)
        self.status, self.code, self.words = status, code, words


@dataclass
class Archive:
    """One archive and the description that it was stored with."""

    id: str
    description: str
    body: bytes
    time: float = field(default_factory=time.time)

    def listed(self) -> dict[str, Any]:
        return {
            "ArchiveId": self.id,
            "ArchiveDescription": self.description,
            "CreationDate": _date(self.time),
            "Size": len(self.body),
            "SHA256TreeHash": tree_hash(self.body),
        }


@dataclass
class Retrieval:
    """One job of a vault: an archive's or an inventory's retrieval."""

    id: str
    asked: dict[str, Any]
    ready_time: float
    vault_arn: str
    body: bytes = b""
    size: int = 0
    time: float = field(default_factory=time.time)

    def described(self) -> dict[str, Any]:
        done = time.time() >= self.ready_time
        archive = self.asked["Type"] == "archive-retrieval"
        return {
            "Action": "ArchiveRetrieval" if archive else "InventoryRetrieval",
            "ArchiveId": self.asked.get("ArchiveId"),
            "ArchiveSizeInBytes": self.size if archive else None,
            "Completed": done,
            "CompletionDate": _date(self.ready_time) if done else None,
            "CreationDate": _date(self.time),
            "JobDescription": self.asked.get("Description"),
            "JobId": self.id,
            "SNSTopic": self.asked.get("SNSTopic"),
            "StatusCode": "Succeeded" if done else "InProgress",
            "StatusMessage": "Succeeded" if done else None,
            "Tier": self.asked.get("Tier", "Standard"),
            "VaultARN": self.vault_arn,
        }


@dataclass
class Upload:
    """A multipart upload: parts by their first byte."""

    description: str
    parts: dict[int, bytes] = field(default_factory=dict)


@dataclass
class Vault:
    name: str
    archives: dict[str, Archive] = field(default_factory=dict)
    jobs: dict[str, Retrieval] = field(default_factory=dict)
    uploads: dict[str, Upload] = field(default_factory=dict)

    @property
    def arn(self) -> str:
        return f"arn:aws:glacier:us-east-1:{ACCOUNT}:vaults/{self.name}"


class Glacier:
    """Middleware that answers what is signed for `glacier`; everything else goes on."""

    def __init__(self, app: App, settings: Settings, publish: Publish) -> None:
        self.app, self.settings, self.publish = app, settings, publish
        self.vaults: dict[str, Vault] = {}
        self.lock = threading.RLock()

    def __call__(self, environ: Environ, start_response: StartResponse) -> Iterable[bytes]:
        match = PATH.fullmatch(path_of(environ))
        if signed_service(environ) != "glacier" or not match:
            return self.app(environ, start_response)
        body = environ["wsgi.input"].read() if environ.get("CONTENT_LENGTH") else b""
        try:
            with self.lock:
                status, headers, told = self._route(match, environ, body)
        except GlacierError as error:
            headers = {"x-amzn-ErrorType": error.code}
            told = json.dumps({"code": error.code, "message": error.words}).encode()
            return answer(start_response, error.status, told, headers=headers)
        return answer(start_response, status, told, headers=headers)

    def _route(self, match: re.Match[str], environ: Environ, body: bytes) -> Reply:
        method, rest = environ["REQUEST_METHOD"], match["rest"] or ""
        if rest == "" and method == "PUT":
            self.vaults.setdefault(match["vault"], Vault(match["vault"]))
            return 201, {}, b""
        vault = self.vaults.get(match["vault"])
        if vault is None:
            raise GlacierError(404, "ResourceNotFoundException", f"no vault {match['vault']}")
        for verb, pattern, act in self._routes():
            found = re.fullmatch(pattern, rest)
            if verb == method and found:
                return act(vault, found["id"] if "id" in found.groupdict() else "", environ, body)
        raise GlacierError(404, "ResourceNotFoundException", f"{method} {rest} is not served here")

    def _routes(self) -> list[tuple[str, str, Callable[[Vault, str, Environ, bytes], Reply]]]:
        return [
            ("POST", "/archives", self._store),
            ("DELETE", "/archives/(?P<id>.+)", self._delete),
            ("POST", "/jobs", self._ask),
            ("GET", "/jobs", self._list),
            ("GET", "/jobs/(?P<id>[^/]+)", self._describe),
            ("GET", "/jobs/(?P<id>[^/]+)/output", self._output),
            ("POST", "/multipart-uploads", self._begin),
            ("PUT", "/multipart-uploads/(?P<id>.+)", self._part),
            ("POST", "/multipart-uploads/(?P<id>.+)", self._complete),
            ("DELETE", "/multipart-uploads/(?P<id>.+)", self._abort),
        ]

    def _store(self, vault: Vault, _: str, environ: Environ, body: bytes) -> Reply:
        return self._stored(vault, environ.get("HTTP_X_AMZ_ARCHIVE_DESCRIPTION", ""), environ, body)

    def _stored(self, vault: Vault, description: str, environ: Environ, body: bytes) -> Reply:
        told = environ.get("HTTP_X_AMZ_SHA256_TREE_HASH")
        if told != tree_hash(body):
            raise GlacierError(400, "InvalidParameterValueException", "Checksum mismatch")
        archive = Archive(secrets.token_urlsafe(103), description, body)
        vault.archives[archive.id] = archive
        headers = {"x-amz-archive-id": archive.id, "x-amz-sha256-tree-hash": told}
        return 201, headers, b""

    def _delete(self, vault: Vault, archive_id: str, *_: Any) -> Reply:
        if vault.archives.pop(archive_id, None) is None:
            raise GlacierError(404, "ResourceNotFoundException", "no such archive")
        return 204, {}, b""

    def _ask(self, vault: Vault, _: str, environ: Environ, body: bytes) -> Reply:
        asked = json.loads(body)
        tier = asked.get("Tier", "Standard")
        if asked["Type"] == "archive-retrieval" and asked.get("ArchiveId") not in vault.archives:
            raise GlacierError(404, "ResourceNotFoundException", "no such archive")
        if self.settings.refuses(tier):
            words = "Insufficient capacity available to process this expedited request."
            raise GlacierError(503, "InsufficientCapacityException", words)
        delay_s = self.settings.delay_s(tier)
        job = Retrieval(secrets.token_urlsafe(69), asked, time.time() + delay_s, vault.arn)
        self._fill(vault, job)
        vault.jobs[job.id] = job
        if "SNSTopic" in asked:
            _later(delay_s, lambda: self.publish(asked["SNSTopic"], json.dumps(job.described())))
        return 202, {"x-amz-job-id": job.id}, b""

    def _fill(self, vault: Vault, job: Retrieval) -> None:
        """An archive's bytes outlive its deletion while the retrieval's output is kept."""
        if job.asked["Type"] == "archive-retrieval":
            job.body = vault.archives[job.asked["ArchiveId"]].body
        else:
            told = {"VaultARN": vault.arn, "InventoryDate": _date(time.time())}
            told["ArchiveList"] = [archive.listed() for archive in vault.archives.values()]
            job.body = json.dumps(told).encode()
        job.size = len(job.body)

    def _list(self, vault: Vault, *_: Any) -> Reply:
        self._forget(vault)
        jobs = [job.described() for job in vault.jobs.values()]
        return 200, {}, json.dumps({"JobList": jobs, "Marker": None}).encode()

    def _describe(self, vault: Vault, job_id: str, *_: Any) -> Reply:
        return 200, {}, json.dumps(self._job(vault, job_id).described()).encode()

    def _output(self, vault: Vault, job_id: str, environ: Environ, _: bytes) -> Reply:
        job = self._job(vault, job_id)
        if time.time() < job.ready_time:
            words = "The job is not currently available for download"
            raise GlacierError(400, "InvalidParameterValueException", words)
        wanted = re.fullmatch(r"bytes=(\d+)-(\d+)", environ.get("HTTP_RANGE", ""))
        if not wanted:
            return 200, {"Content-Type": "application/octet-stream"}, job.body
        first, last = int(wanted[1]), min(int(wanted[2]), job.size - 1)
        headers = {"Content-Range": f"bytes {first}-{last}/{job.size}"}
        return 206, headers, job.body[first : last + 1]

    def _job(self, vault: Vault, job_id: str) -> Retrieval:
        self._forget(vault)
        if job_id not in vault.jobs:
            raise GlacierError(404, "ResourceNotFoundException", f"no job {job_id}")
        return vault.jobs[job_id]

    def _forget(self, vault: Vault) -> None:
        """Glacier keeps a job and its output for a day after it ended."""
        now = time.time()
        kept = vault.jobs.items()
        vault.jobs = {k: j for k, j in kept if now < j.ready_time + self.settings.kept_s}

    def _begin(self, vault: Vault, _: str, environ: Environ, body: bytes) -> Reply:
        upload_id = secrets.token_urlsafe(69)
        vault.uploads[upload_id] = Upload(environ.get("HTTP_X_AMZ_ARCHIVE_DESCRIPTION", ""))
        return 201, {"x-amz-multipart-upload-id": upload_id}, b""

    def _part(self, vault: Vault, upload_id: str, environ: Environ, body: bytes) -> Reply:
        first = int(environ["HTTP_CONTENT_RANGE"].removeprefix("bytes ").partition("-")[0])
        if environ.get("HTTP_X_AMZ_SHA256_TREE_HASH") != tree_hash(body):
            raise GlacierError(400, "InvalidParameterValueException", "Checksum mismatch")
        self._upload(vault, upload_id).parts[first] = body
        return 204, {"x-amz-sha256-tree-hash": tree_hash(body)}, b""

    def _complete(self, vault: Vault, upload_id: str, environ: Environ, _: bytes) -> Reply:
        upload = self._upload(vault, upload_id)
        body = b"".join(upload.parts[first] for first in sorted(upload.parts))
        if len(body) != int(environ.get("HTTP_X_AMZ_ARCHIVE_SIZE", -1)):
            raise GlacierError(400, "InvalidParameterValueException", "Parts are missing")
        reply = self._stored(vault, upload.description, environ, body)
        del vault.uploads[upload_id]
        return reply

    def _abort(self, vault: Vault, upload_id: str, *_: Any) -> Reply:
        vault.uploads.pop(upload_id, None)
        return 204, {}, b""

    def _upload(self, vault: Vault, upload_id: str) -> Upload:
        if upload_id not in vault.uploads:
            raise GlacierError(404, "ResourceNotFoundException", "no such upload")
        return vault.uploads[upload_id]

    def export(self) -> list[dict[str, Any]]:
        """The vaults as JSON-able rows, bodies in base64."""
        with self.lock:
            return [
                {
                    "vault": vault.name,
                    "archives": [
                        {**vars(a), "body": base64.b64encode(a.body).decode()}
                        for a in vault.archives.values()
                    ],
                }
                for vault in self.vaults.values()
            ]

    def load(self, rows: list[dict[str, Any]]) -> None:
        """What `export` gave, taken back."""
        for row in rows:
            vault = self.vaults.setdefault(row["vault"], Vault(row["vault"]))
            for told in row["archives"]:
                body = base64.b64decode(told["body"])
                vault.archives[told["id"]] = Archive(**{**told, "body": body})


def tree_hash(body: bytes) -> str:
    """https://docs.aws.amazon.com/amazonglacier/latest/dev/checksum-calculations.html"""
    view = memoryview(body)
    hashes = [hashlib.sha256(view[i : i + MIB]).digest() for i in range(0, max(len(body), 1), MIB)]
    while len(hashes) > 1:
        pairs = [hashes[i : i + 2] for i in range(0, len(hashes), 2)]
        hashes = [hashlib.sha256(b"".join(p)).digest() if len(p) == 2 else p[0] for p in pairs]
    return hashes[0].hex()


def _later(seconds: float, act: Callable[[], None]) -> None:
    timer = threading.Timer(seconds, act)
    timer.daemon = True
    timer.start()


def _date(when: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(when))
