"""The tag that a user's own annotation gets in a result."""

import re

from vcf.reserved import INFO

TAG = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,29}")
OURS = ("BCSQ", "GAS_")
COLUMNS = (
    "CHROM",
    "POS",
    "ID",
    "REF",
    "ALT",
    "QUAL",
    "FILTER",
    "INFO",
    "START",
    "STOP",
    "N",
    "RANK",
)
"""Names of columns, in tables as well: no tags, lest the two be mixed up."""
FALLBACK = "OWN"


def fault_in_tag(tag: str) -> str:
    """The fault of a tag, in words; empty where it may be used.

    VCF 4.5, 1.4.2: letters, digits and underscores, no digit first. Dots, which VCF allows, are no
    part of a column's name.
    """
    if not TAG.fullmatch(tag):
        fault = "A tag has up to 30 letters, digits and underscores, and begins with no digit."
    elif tag.upper() in INFO:
        fault = f"The tag {tag} is reserved by the VCF specification."
    elif tag.upper().startswith(OURS) or tag.upper() in COLUMNS:
        fault = f"The tag {tag} is a name that GAS uses itself."
    else:
        return ""
    return f"{fault} Please choose another one, such as PANEL."


def usual_tag(file_name: str) -> str:
    """A tag made of a file's name; FALLBACK where the name does not make one."""
    stem = file_name.split(".", 1)[0]
    tag = re.sub(r"[^A-Za-z0-9]+", "_", stem).strip("_").upper()[:30]
    return FALLBACK if fault_in_tag(tag) else tag
