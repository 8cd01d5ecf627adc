"""References to stored bytes, as rows keep them: an object, an archive, or an upload to a vault."""

from dataclasses import dataclass


class Stored:
    """A reference to stored bytes; its text is what a row holds, and `parse` reads it back."""

    @staticmethod
    def parse(text: str) -> "Stored":
        """The reference that this text stands for. Raises ValueError for any other text."""
        kind, _, name = text.partition(":")
        bucket, _, key = name.partition("/")
        if kind == "s3" and bucket and key:
            return S3Object(bucket, key)
        if kind == "archive" and name:
            return Archive(name)
        if kind == "upload" and name:
            return VaultUpload(name)
        raise ValueError(f"{text!r} refers to nothing that GAS stores")


@dataclass(frozen=True)
class S3Object(Stored):
    """An object in a bucket of S3."""

    bucket: str
    key: str

    def __str__(self) -> str:
        return f"s3:{self.bucket}/{self.key}"


@dataclass(frozen=True)
class Archive(Stored):
    """An archive, by the id that the vault gave it."""

    archive_id: str

    def __str__(self) -> str:
        return f"archive:{self.archive_id}"


@dataclass(frozen=True)
class VaultUpload(Stored):
    """An upload to a Glacier vault, which names its archive only once the upload is complete."""

    token: str

    def __str__(self) -> str:
        return f"upload:{self.token}"
