"""The local AWS's state in a folder: saved at intervals and at a stop, loaded at a start.

Queues hold nothing that a row does not remember, so their messages are not kept. Of a bucket with
versions, which GAS makes on AWS only, each object's present one is.
"""

import json
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from threading import RLock
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import DynamoDBBackend, dynamodb_backends
from moto.s3.models import FakeDeleteMarker
from moto.secretsmanager.models import secretsmanager_backends
from moto.ses.models import ses_backends

from local.server.mailbox import Mailbox
from local.server.objects import open_whole
from local.server.ranges import Slice
from local.server.restores import s3_backend
from local.server.sqlite import Name, RowFile
from local.server.vaults import LocalVault, StoredArchive, VaultStore, private_folder
from local.server.wsgi import App, ask, signed

EVERY_S = 2
SHARE = 10
"""Saving takes at most one part in this many of the time."""


@dataclass(frozen=True)
class SavedPart:
    """One thing as it was saved: the object itself, to notice a replacement, and its row."""

    thing: Any
    row: str
    """In JSON."""

    @property
    def body(self) -> str | None:
        """The file of an object's bytes."""
        return json.loads(self.row).get("body") if hasattr(self.thing, "storage_class") else None


Thing = tuple[str, str, Any, Callable[[], Any]]
"""Kind and key, the thing itself, and what makes its row."""


class SavedState:
    """The folder: state.db with a row for everything, bodies/ with the objects' bytes.

    A save is of one instant: under `lock` it notes what has changed and sets the bytes of new
    objects aside; it writes after that. A file goes only when the rows that need it are gone.
    """

    def __init__(
        self,
        folder: Path,
        region: str,
        app: App,
        lock: RLock,
        vault_store: VaultStore,
        mailbox: Mailbox,
    ) -> None:
        self.bodies = folder / "bodies"
        private_folder(self.bodies)
        self.rows = RowFile(folder / "state.db")
        self.region, self.app, self.lock = region, app, lock
        self.vault_store, self.mailbox = vault_store, mailbox
        self.seen: dict[Name, SavedPart] = {}
        self.updated: set[int] = set()
        self.unneeded: list[Path] = []
        vault_store.discard = self.unneeded.append
        self._watch_updates()

    def save(self) -> float:
        """Write what has changed since the last save; return the seconds it took.

        Raises OSError or sqlite3.Error where it cannot; the next save makes up for it.
        """
        began = time.monotonic()
        with self.lock:
            now, before = self._snapshot(), self.seen
            changed = {n: part for n, part in now.items() if before.get(n) is not part}
            bodies = {p.body: open_whole(p.thing) for p in changed.values() if p.body}
            unneeded = list(self.unneeded)
        gone = {n: part for n, part in before.items() if n not in now or n in changed}
        try:
            self._write(changed, gone, bodies)
        except BaseException:
            self.updated.update(id(part.thing) for part in changed.values())
            raise
        finally:
            _close(bodies.values())
        self.seen = now
        del self.unneeded[: len(unneeded)]
        old = {part.body for part in gone.values() if part.body} - bodies.keys()
        for path in unneeded + [self.bodies / name for name in old]:
            path.unlink(missing_ok=True)
        return time.monotonic() - began

    def load(self) -> None:
        """Take back what an earlier run saved."""
        for name, row in self.rows.of("vault"):
            self.vault_store.load_vault(name, row)
        for _, row in self.rows.of("archive"):
            self.vault_store.load_archive(row)
        self.vault_store.tidy()
        self.mailbox.sent.extend(row for _, row in self.rows.of("mail"))
        for address, _ in self.rows.of("identity"):
            self._ses().verify_email_identity(address)
        for _, row in self.rows.of("secret"):
            self._json("secretsmanager", "secretsmanager.CreateSecret", row)
        self._load_tables()
        self._load_objects()
        self.seen = self._snapshot()

    def close(self) -> None:
        self.rows.close()

    def _write(
        self,
        changed: dict[Name, SavedPart],
        gone: Iterable[Name],
        bodies: dict[str, Iterable[bytes]],
    ) -> None:
        """The bytes first: a row is never without them."""
        for name, body in bodies.items():
            with (self.bodies / name).open("wb") as file:
                file.writelines(body)
        if changed or gone:
            self.rows.save({name: part.row for name, part in changed.items()}, gone)

    def _snapshot(self) -> dict[Name, SavedPart]:
        """Everything by kind and key; an unchanged part is the same `SavedPart` as before."""
        now = {}
        for kind, key, thing, row in self._everything():
            before = self.seen.get((kind, key))
            same = before is not None and before.thing is thing and id(thing) not in self.updated
            now[kind, key] = before if before and same else SavedPart(thing, json.dumps(row()))
        self.updated.clear()
        return now

    def _everything(self) -> Iterator[Thing]:
        for vault in list(self.vault_store.vaults.values()):
            yield "vault", vault.name, vault, partial(_vault, vault)
            for archive in list(vault.archives.values()):
                yield "archive", archive.id, archive, partial(_archive, vault, archive)
        for number, letter in enumerate(self.mailbox.sent):
            yield "mail", f"{number:09d}", letter, partial(dict, letter)
        for address, identity in self._ses().email_identities.items():
            yield "identity", address, identity, dict
        for secret in secretsmanager_backends[DEFAULT_ACCOUNT_ID][self.region].secrets.values():
            version = secret.versions[str(secret.default_version_id)]
            yield "secret", secret.name, version, partial(_secret, secret, version)
        yield from self._tables()
        yield from self._objects()

    def _tables(self) -> Iterator[Thing]:
        for table in self._dynamodb().tables.values():
            yield "table", table.name, table, partial(_creation, table)
            for item in _items(table):
                range_key = item.range_key.value if item.range_key else ""
                key = f"{table.name}/{item.hash_key.value}/{range_key}"
                yield "item", key, item, partial(_item, table, item)

    def _objects(self) -> Iterator[Thing]:
        for bucket in s3_backend().buckets.values():
            yield "bucket", bucket.name, bucket, dict
            for key, stored in bucket.keys.items():
                if not isinstance(stored, FakeDeleteMarker):
                    yield "object", f"{bucket.name}/{key}", stored, partial(_object, stored)

    def _load_tables(self) -> None:
        for _, row in self.rows.of("table"):
            self._json("dynamodb", "DynamoDB_20120810.CreateTable", row)
        tables = self._dynamodb().tables
        for _, (name, attributes) in self.rows.of("item"):
            tables[name].put_item(attributes)

    def _load_objects(self) -> None:
        for name, _ in self.rows.of("bucket"):
            ask(self.app, "s3", "PUT", f"/{name}")
        for path, row in self.rows.of("object"):
            self._load_object(path, row)
        needed = {row["body"] for _, row in self.rows.of("object")}
        for file in self.bodies.iterdir():
            if file.name not in needed:
                file.unlink()

    def _load_object(self, path: str, row: dict[str, Any]) -> None:
        """Past the HTTP of it, which would take minutes for a large state."""
        bucket, key = path.split("/", 1)
        body = (self.bodies / row["body"]).read_bytes()
        stored = s3_backend().put_object(
            bucket, key, body, disable_notification=True, **row["stored"]
        )
        stored.set_metadata(row["metadata"])
        stored.last_modified = datetime.fromtimestamp(row["modified"], UTC).replace(tzinfo=None)
        stored.body_name = row["body"]

    def _watch_updates(self) -> None:
        """moto replaces the item that is put, but changes in place the one that is updated."""
        original, updated = DynamoDBBackend.update_item, self.updated

        def update_item(backend: DynamoDBBackend, *args: Any, **kwargs: Any) -> Any:
            item = original(backend, *args, **kwargs)
            updated.add(id(item))
            return item

        DynamoDBBackend.update_item = update_item  # type: ignore[method-assign,assignment]

    def _json(self, service: str, target: str, request: dict[str, Any]) -> None:
        headers = {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.0"}
        headers |= signed(service, self.region)
        ask(self.app, service, "POST", "/", headers, json.dumps(request).encode())

    def _ses(self) -> Any:
        return ses_backends[DEFAULT_ACCOUNT_ID][self.region]

    def _dynamodb(self) -> Any:
        return dynamodb_backends[DEFAULT_ACCOUNT_ID][self.region]


def _vault(vault: LocalVault) -> dict[str, Any]:
    return {"time": vault.time}


def _archive(vault: LocalVault, archive: StoredArchive) -> dict[str, Any]:
    return {"vault": vault.name, **vars(archive)}


def _secret(secret: Any, version: dict[str, Any]) -> dict[str, str]:
    return {"Name": secret.name, "SecretString": version["secret_string"]}


def _creation(table: Any) -> dict[str, Any]:
    """The request that makes such a table."""
    indexes = [
        {"IndexName": index.name, "KeySchema": index.schema, "Projection": index.projection}
        for index in table.global_indexes
    ]
    return {
        "TableName": table.name,
        "KeySchema": table.schema,
        "AttributeDefinitions": table.attr,
        "BillingMode": "PAY_PER_REQUEST",
        **({"GlobalSecondaryIndexes": indexes} if indexes else {}),
    }


def _item(table: Any, item: Any) -> list[Any]:
    return [table.name, item.to_json()["Attributes"]]


def _items(table: Any) -> Iterator[Any]:
    if not table.range_key_attr:
        yield from table.items.values()
        return
    for ranges in table.items.values():
        yield from ranges.values()


def _object(stored: Any) -> dict[str, Any]:
    """An object's row; `body` names the file of its bytes, which is never written again."""
    if not hasattr(stored, "body_name"):
        stored.body_name = uuid.uuid4().hex
    return {
        "stored": {
            "storage": stored.storage_class,
            "encryption": stored.encryption,
            "etag": stored.etag.strip('"'),
        },
        "metadata": dict(stored.metadata),
        "modified": stored.last_modified.replace(tzinfo=UTC).timestamp(),
        "body": stored.body_name,
    }


def _close(bodies: Iterable[Any]) -> None:
    for body in bodies:
        if isinstance(body, Slice):
            body.close()
