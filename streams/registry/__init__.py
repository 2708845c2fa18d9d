"""The schema registry, by Confluent's API: schemas by id, ids by schema, registration."""

from streams.registry.client import (
    LEVEL,
    Registered,
    RegistryRefusedError,
    SchemaMissingError,
    SchemaRegistry,
)
from streams.registry.live import Unreadable

__all__ = [
    "LEVEL",
    "Registered",
    "RegistryRefusedError",
    "SchemaMissingError",
    "SchemaRegistry",
    "Unreadable",
]
