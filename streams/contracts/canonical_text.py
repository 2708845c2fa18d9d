"""Canonical text under which a schema is registered.

A producer without the right to register looks its schema up by the text, which the registry
compares byte by byte unless a request asks for normalisation. This module produces the text that
Avro for Java prints (`Schema.toString()`) and that `JSON.stringify` makes of it: no white space,
and the properties in a fixed order. Docs and logical types stay; Avro's parsing canonical form
drops them.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

_TYPE_ORDER: Final = (
    "type",
    "name",
    "namespace",
    "doc",
    "fields",
    "symbols",
    "items",
    "values",
    "size",
    "default",
)
_FIELD_ORDER: Final = ("name", "type", "doc", "default", "order", "aliases")


def canonical_text(schema: Mapping[str, Any]) -> str:
    """Return a schema as compact JSON, its properties in the order of Avro for Java."""
    return json.dumps(_type(schema), separators=(",", ":"), ensure_ascii=False)


def _type(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_type(branch) for branch in schema]
    if not isinstance(schema, Mapping):
        return schema
    ordered = _ordered(schema, _TYPE_ORDER)
    for key in ("type", "items", "values"):
        if key in ordered:
            ordered[key] = _type(ordered[key])
    if "fields" in ordered:
        ordered["fields"] = [
            {**field, "type": _type(field["type"])}
            for field in (_ordered(each, _FIELD_ORDER) for each in ordered["fields"])
        ]
    return ordered


def _ordered(properties: Mapping[str, Any], order: tuple[str, ...]) -> dict[str, Any]:
    known = {key: properties[key] for key in order if key in properties}
    return known | {key: value for key, value in properties.items() if key not in known}
