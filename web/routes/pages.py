"""Help, about, privacy, contact: pages that say how the service works and whose it is."""

from flask import Blueprint, render_template

from web.context import site
from web.display.formatting import DAY_S
from web.display.sequence_ontology import PLAIN_WORDS, TERMS

bp = Blueprint("pages", __name__)


@bp.get("/help")
def help_page() -> str:
    """Formats, limits, consequences, files and columns of a result, questions."""
    terms = [(*TERMS[name], words) for name, words in PLAIN_WORDS.items()]
    return _page("help", terms=terms, archive=site().config.archive)


@bp.get("/about")
def about() -> str:
    """The methods, tools and data of GAS, and how to cite each."""
    return _page("about")


@bp.get("/privacy")
def privacy() -> str:
    """Data that are kept, for how long, and who can see them."""
    config = site().config
    return _page(
        "privacy",
        archive=config.archive,
        days=config.sweep.input_days,
        kept_s=config.web.deleted_days * DAY_S,
        log_s=config.web.log_days * DAY_S,
    )


@bp.get("/contact")
def contact() -> str:
    """The way to the operators."""
    return _page("contact", contact=site().config.web.contact)


def _page(name: str, **values: object) -> str:
    config = site().config
    return render_template(
        f"{name}.html", tiers=config.tiers, references=site().references.installed(), **values
    )
