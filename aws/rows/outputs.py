"""The outputs of a job: the one table that row, upload, download, inventory and proofs go by."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aws.storage.stored import S3Object

BUCKET = "s3_results_bucket"
TBI, CSI = ".tbi", ".csi"
ATTRIBUTE = re.compile(r"s3_key_(?!input_file|annotation_file)(\w+)_file")
"""Whatever the table lists: a row keeps the outputs that a newer release has written."""


@dataclass(frozen=True)
class Output:
    """One file that a completed job leaves in the results bucket.

    `ending` follows the input's name without .vcf; `sleeps` says that it moves to the archive.
    """

    name: str
    ending: str
    content_type: str
    sleeps: bool = False

    @property
    def attribute(self) -> str:
        """The row's attribute with this output's key."""
        return f"s3_key_{self.name}_file"

    def file_name(self, input_file_name: str, stored_as: str = "") -> str:
        """The name that its owner knows the file by.

        `stored_as` is its path or key, which says whether an index is a TBI or a CSI.
        """
        ending = self.ending
        if stored_as.endswith(CSI):
            ending = ending.removesuffix(TBI) + CSI
        return stem(input_file_name) + ending


RESULT = Output("result", ".annot.vcf.gz", "application/gzip", sleeps=True)
OUTPUTS = {
    output.name: output
    for output in (
        RESULT,
        Output("index", f".annot.vcf.gz{TBI}", "application/octet-stream"),
        Output("log", ".vcf.count.log", "text/plain; charset=utf-8"),
        Output("summary", ".summary.json", "application/json"),
        Output("variants", ".variants.parquet", "application/vnd.apache.parquet"),
        Output("rejected", ".rejected.tsv", "text/tab-separated-values; charset=utf-8"),
    )
}


def stem(input_file_name: str) -> str:
    """The input's name without .vcf or .vcf.gz: what outputs are named after."""
    return input_file_name.removesuffix(".gz").removesuffix(".vcf")


def attributes(outputs: Mapping[str, S3Object]) -> dict[str, str]:
    """The row's attributes for these outputs, which share one bucket."""
    row = {f"s3_key_{name}_file": stored.key for name, stored in outputs.items()}
    buckets = {stored.bucket for stored in outputs.values()}
    return row | dict.fromkeys([BUCKET] if buckets else [], "".join(buckets))


def from_row(row: Mapping[str, Any]) -> dict[str, S3Object]:
    """The outputs that a row records, by name; those too that this release does not know."""
    found = ((ATTRIBUTE.fullmatch(attribute), key) for attribute, key in row.items())
    return {match[1]: S3Object(row[BUCKET], key) for match, key in found if match}
