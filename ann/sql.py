"""NameTexts and texts as SQL writes them."""


def text(value: str) -> str:
    """A SQL string."""
    return "'" + value.replace("'", "''") + "'"


def name(value: str) -> str:
    """A SQL name."""
    return '"' + value.replace('"', '""') + '"'
