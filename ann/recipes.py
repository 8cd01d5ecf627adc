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
    """The order that a recipe makes, under that name. Raises KeyError for an unknown one."""
    steps = dict(recipes()[recipe])
    steps.pop("size")
    steps["known"] = tuple(parse(spec) for spec in steps.get("known", ()))
    steps |= {key: tuple(steps[key]) for key in ("aliases", "leave_out") if key in steps}
    return Wanted(name=name, **steps)


def listing() -> str:
    """The recipes for people: name, title, what is downloaded, known variants."""
    lines = []
    for name, steps in recipes().items():
        known = ", ".join(parse(spec).name for spec in steps.get("known", ())) or "none"
        lines.append(f"{name:<12} {steps['title']}")
        lines.append(f"{'':<12} {steps['size']}; known variants: {known}")
    return "\n".join(lines) + "\n"
