"""Every module of web/routes/ is part of the site."""

import importlib
import pkgutil

from web import routes
from web.app import BLUEPRINTS


def test_every_blueprint_is_registered() -> None:
    names = [f"web.routes.{module.name}" for module in pkgutil.iter_modules(routes.__path__)]
    names.append("web.assets")
    found = [getattr(importlib.import_module(name), "bp", None) for name in names]
    blueprints = {blueprint.name for blueprint in found if blueprint}
    assert blueprints == {blueprint.name for blueprint in BLUEPRINTS}
