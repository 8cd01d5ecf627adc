"""Shortcuts through moto, which works out the same things anew for each request."""

import functools
from collections.abc import Mapping
from typing import Any

from moto.core import responses
from moto.core.serialize import SERVICE_SPECIFIC_SERIALIZERS, JSONSerializer
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

SCALARS = {"S", "N", "BOOL"}
"""The types of DynamoDB's values that are in JSON as they are in moto."""


def take() -> None:
    """Take them, in all of this process; once more changes nothing."""
    if not hasattr(responses.method_names_from_class, "cache_info"):
        responses.method_names_from_class = functools.cache(responses.method_names_from_class)
    SERVICE_SPECIFIC_SERIALIZERS["dynamodb"] = {"json": RowSerializer}


class Dispatcher(DomainDispatcherApplication):
    """moto's server, which looks through its own folder and its patterns for a host's backend."""

    def __init__(self) -> None:
        super().__init__(create_backend_app)
        self.get_backend_for_host = functools.cache(  # type: ignore[method-assign]
            self.get_backend_for_host
        )


class RowSerializer(JSONSerializer):
    """DynamoDB's answers: moto looks for ten members, each by several names, in every value."""

    def _serialize_type_structure(self, serialized: Any, value: Any, shape: Any, key: str) -> None:
        if (
            shape.name == "AttributeValue"
            and isinstance(value, Mapping)
            and value.keys() <= SCALARS
        ):
            serialized[key] = value
        else:
            super()._serialize_type_structure(serialized, value, shape, key)
