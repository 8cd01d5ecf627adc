"""The keys of S3: the one module that builds them and takes them apart.

Every key that belongs to a job is `<prefix>/<user_id>/<job_id>~<rest>`, and is written once.
"""

import re
import uuid
from dataclasses import dataclass

BEACONS = "annotators/"
"""In the references bucket: an object for each annotator, its sign of life."""
ANNOTATION = "annotation/"
"""The folder of a user's own annotation, beside the upload that it is given with."""
PARTS = re.compile(r"([^/]+)/([^/~]+)/([^/~]+)~(.+)", re.DOTALL)


@dataclass(frozen=True)
class JobKey:
    """A key taken apart; `rest` is what follows the job's id, a file name or a path."""

    prefix: str
    user_id: str
    job_id: str
    rest: str

    def __str__(self) -> str:
        return f"{self.prefix}/{self.user_id}/{self.job_id}~{self.rest}"


def parse(key: str) -> JobKey:
    """Take apart the key of an upload, an output, a thawed result or an archive.

    Raises ValueError for a key that belongs to no job.
    """
    match = PARTS.fullmatch(key)
    if not match:
        raise ValueError(f"{key!r} is not the key of a job's object")
    return JobKey(*match.groups())


@dataclass(frozen=True)
class Keys:
    """Builds the keys under one prefix: one method for each kind of object."""

    prefix: str

    def upload(self, user_id: str, job_id: str, file_name: str) -> str:
        """The key of an upload; with an empty `file_name`, what the key of any begins with."""
        return f"{self.prefix}/{user_id}/{job_id}~{file_name}"

    def output(self, user_id: str, job_id: str, attempt: int, file_name: str) -> str:
        """The key of an output of the job's `attempt`-th attempt."""
        return f"{self.prefix}/{user_id}/{job_id}~{attempt}/{file_name}"

    def thawed(self, user_id: str, job_id: str, thaws: int, file_name: str) -> str:
        """The key that the job's `thaws`-th thaw writes."""
        return f"{self.prefix}/{user_id}/{job_id}~thaw-{thaws}/{file_name}"

    def archive(self, user_id: str, job_id: str) -> str:
        """A new key for an archive in S3's Glacier class."""
        return f"{self.prefix}/{user_id}/{job_id}~{uuid.uuid4().hex}"

    def parse_upload(self, key: str, user_id: str) -> JobKey:
        """Take apart the key of this user's upload; `rest` is the file's name.

        Raises ValueError for any other key, and where the name has a slash or a backslash.
        """
        parts = parse(key)
        is_theirs = (parts.prefix, parts.user_id) == (self.prefix, user_id)
        if not is_theirs or "/" in parts.rest or "\\" in parts.rest:
            raise ValueError(f"{key!r} is not an upload of user {user_id}")
        return parts

    def parse_annotation(self, key: str, user_id: str) -> JobKey:
        """Take apart the key of this user's own annotation, as `parse_upload` does an upload's."""
        before, folder, name = key.partition(f"~{ANNOTATION}")
        if not folder or not name:
            raise ValueError(f"{key!r} is not an annotation of user {user_id}")
        return self.parse_upload(f"{before}~{name}", user_id)
