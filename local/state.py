"""Keeps the local AWS's state in a folder: saved at intervals and at a stop, loaded at a start.

Queues hold nothing that a row does not remember, so their messages are not kept.
"""

import hashlib
import json
import logging
import os
import time
from pathlib import Path
from typing import Any

from moto.core import DEFAULT_ACCOUNT_ID
from moto.dynamodb.models import dynamodb_backends
from moto.secretsmanager.models import secretsmanager_backends

from local.glacier import Glacier
from local.mailbox import Mailbox
from local.restores import s3_backend

log = logging.getLogger(__name__)

EVERY_S = 2
SHARE = 10
"""Exporting takes at most one part in this many of the time."""


class State:
    """The folder and what is in it: objects/, objects.json, tables.json, glacier.json, …"""

    def __init__(self, folder: Path, region: str, glacier: Glacier, mailbox: Mailbox) -> None:
        self.folder, self.region = folder, region
        self.glacier, self.mailbox = glacier, mailbox
        self.written: dict[str, str] = {}

    def save(self) -> float:
        """Write what has changed, each file at once and whole; return the seconds it took."""
        began = time.monotonic()
        (self.folder / "objects").mkdir(parents=True, exist_ok=True)
        self._write("objects", self._save_objects())
        self._write("tables", self._tables())
        self._write("glacier", self.glacier.export())
        self._write("mail", self.mailbox.sent)
        self._write("secrets", self._secrets())
        self._drop_bodies()
        return time.monotonic() - began

    def load(self, clients: Any) -> None:
        """Take back what an earlier run saved; `clients(service)` is the running local AWS."""
        self._load_objects(clients("s3"), self._read("objects"))
        self._load_tables(clients("dynamodb"), self._read("tables"))
        self.glacier.load(self._read("glacier"))
        self.mailbox.sent.extend(self._read("mail"))
        for secret in self._read("secrets"):
            clients("secretsmanager").create_secret(**secret)

    def _save_objects(self) -> list[dict[str, Any]]:
        rows = []
        for bucket in s3_backend().buckets.values():
            for key, stored in list(bucket.keys.items()):
                row = {
                    "Bucket": bucket.name,
                    "Key": key,
                    "StorageClass": stored.storage_class,
                    "modified": stored.last_modified.timestamp(),
                }
                rows.append(row)
                self._save_body(row, stored)
        return rows

    def _save_body(self, row: dict[str, Any], stored: Any) -> None:
        path = self._body(row)
        if not path.exists():
            _replace(path, stored.value)

    def _drop_bodies(self) -> None:
        """Only now that the list that named them is replaced."""
        kept = {self._body(row).name for row in self._read("objects")}
        for path in (self.folder / "objects").iterdir():
            if path.name not in kept:
                path.unlink()

    def _body(self, row: dict[str, Any]) -> Path:
        """One file for each writing of each key."""
        text = f"{row['Bucket']}/{row['Key']}@{row['modified']}"
        return self.folder / "objects" / hashlib.sha256(text.encode()).hexdigest()

    def _load_objects(self, s3: Any, rows: list[dict[str, Any]]) -> None:
        for bucket in {row["Bucket"] for row in rows}:
            s3.create_bucket(Bucket=bucket)
        for row in rows:
            with self._body(row).open("rb") as body:
                told = {name: row[name] for name in ("Bucket", "Key", "StorageClass")}
                s3.put_object(Body=body, **told)

    def _tables(self) -> list[dict[str, Any]]:
        tables = dynamodb_backends[DEFAULT_ACCOUNT_ID][self.region].tables.values()
        return [
            {
                "create": {
                    "TableName": table.name,
                    "KeySchema": table.schema,
                    "AttributeDefinitions": table.attr,
                    "GlobalSecondaryIndexes": [_index(i) for i in table.global_indexes],
                    "BillingMode": "PAY_PER_REQUEST",
                },
                "items": [_attributes(item) for item in table.all_items()],
            }
            for table in tables
        ]

    @staticmethod
    def _load_tables(dynamodb: Any, rows: list[dict[str, Any]]) -> None:
        for row in rows:
            name = row["create"]["TableName"]
            dynamodb.create_table(**row["create"])
            for i in range(0, len(row["items"]), 25):
                puts = [{"PutRequest": {"Item": item}} for item in row["items"][i : i + 25]]
                dynamodb.batch_write_item(RequestItems={name: puts})

    def _secrets(self) -> list[dict[str, str]]:
        backend = secretsmanager_backends[DEFAULT_ACCOUNT_ID][self.region]
        return [
            {"Name": s.name, "SecretString": s.versions[s.default_version_id]["secret_string"]}
            for s in backend.secrets.values()
        ]

    def _write(self, name: str, told: Any) -> None:
        text = json.dumps(told)
        digest = hashlib.sha256(text.encode()).hexdigest()
        if self.written.get(name) != digest:
            _replace(self.folder / f"{name}.json", text.encode())
            self.written[name] = digest

    def _read(self, name: str) -> list[Any]:
        path = self.folder / f"{name}.json"
        return list(json.loads(path.read_text())) if path.exists() else []


def _index(index: Any) -> dict[str, Any]:
    return {
        "IndexName": index.name,
        "KeySchema": index.schema,
        "Projection": index.projection,
    }


def _attributes(item: Any) -> dict[str, Any]:
    return dict(item.to_json()["Attributes"])


def _replace(path: Path, body: bytes) -> None:
    """Write whole or not at all, whatever kills us."""
    new = path.with_suffix(".new")
    new.write_bytes(body)
    os.replace(new, path)
