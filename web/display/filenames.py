"""File names as people gave them: for display only, cleaned of all that could act."""

from web.display.plain_text import plain_line

MAX_BYTES = 150
"""Leaves room, in a file system's 255, for what outputs add to the name."""
UNNAMED = "upload.vcf"
ENDINGS = (".vcf.gz", ".vcf.bgz", ".vcf", ".gz")
HTSLIB_MARK = "##idx##"
"""htslib takes what follows it for the name of another file."""


def display_name(given: str) -> str:
    """One line without path parts, control or direction characters, of at most 150 bytes."""
    text = plain_line(given.replace("\\", "/").rpartition("/")[2])
    text = text.replace(HTSLIB_MARK, "_").lstrip(". ")
    return _capped(text) or UNNAMED


def _capped(text: str) -> str:
    """The beginning and the ending of a long name."""
    if len(text.encode()) <= MAX_BYTES:
        return text
    ending = next((e for e in ENDINGS if text.lower().endswith(e)), "")
    kept = text.encode()[: MAX_BYTES - len(ending)].decode(errors="ignore")
    return kept + text[len(text) - len(ending) :]
