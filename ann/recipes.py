"""Recipes: where the usual genomes' files are, and how to read them."""

import json
from pathlib import Path
from typing import Any

from ann.build import Wanted
from ann.known_spec import parse

RECIPES = Path(__file__).with_name("recipes.json")


def recipes() -> dict[str, dict[str, Any]]:
    """Every recipe by name, as recipes.json describes it."""
    return dict(json.loads(RECIPES.read_text(encoding="utf-8")))


def wanted(recipe: str, name: str) -> Wanted:
    """What the recipe builds, under that name. Raises KeyError where there is no such recipe."""
    told = dict(recipes()[recipe])
    told.pop("size")
    told["known"] = tuple(parse(spec) for spec in told.get("known", ()))
    told |= {key: tuple(told[key]) for key in ("aliases", "leave_out") if key in told}
    return Wanted(name=name, **told)


def listing() -> str:
    """The recipes for people: name, title, what is downloaded, known variants."""
    lines = []
    for name, told in recipes().items():
        known = ", ".join(parse(spec).name for spec in told.get("known", ())) or "none"
        lines.append(f"{name:<12} {told['title']}")
        lines.append(f"{'':<12} {told['size']}; known variants: {known}")
    return "\n".join(lines) + "\n"
