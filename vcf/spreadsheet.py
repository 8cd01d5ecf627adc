"""Cells of tables that people open in a spreadsheet: text that it would run is made harmless.

https://owasp.org/www-community/attacks/CSV_Injection
"""

FORMULA = ("=", "+", "-", "@", '"', "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""The beginnings of what a spreadsheet runs; a quotation mark may hide one of the others."""


def harmless(text: str) -> str:
    """One cell of a TSV: printable, on one line, and never a formula."""
    plain = "".join(c if c.isprintable() else " " for c in text).strip()
    return f"'{plain}" if plain.startswith(FORMULA) and len(plain) > 1 else plain
