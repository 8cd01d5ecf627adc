"""The progress of a job as a share, read from the words that the annotator wrote in its row."""

import re

OF = re.compile(r"([\d,]{1,20}) of (?:about )?([\d,]{1,20})")


def share_of(words: str | None) -> float | None:
    """0 to 1, or None where the words count nothing."""
    found = OF.search(words or "")
    if not found:
        return None
    done, whole = (int(part.replace(",", "") or 0) for part in found.groups())
    return min(done / whole, 1.0) if whole else None
