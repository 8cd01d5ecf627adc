"""Text of strangers as one harmless line: for pages, mail and logs."""

import unicodedata


def plain_line(text: str) -> str:
    """One line without control characters and without those that turn text around unseen."""
    composed = unicodedata.normalize("NFC", text)
    return " ".join("".join(c if _is_plain(c) else " " for c in composed).split())


def _is_plain(char: str) -> bool:
    kind = unicodedata.category(char)
    return kind[0] != "C" and kind not in ("Zl", "Zp")
