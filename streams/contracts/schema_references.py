"""Inlining of schema references: one text instead of schemas that refer to others of the registry.

A referenced schema defines named types. Each is inserted where it is first used, under its full
name, so that the enclosing namespace does not matter. Rules: Avro specification 1.12, "Names".
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Final

_UNNAMED: Final = frozenset(
    {"null", "boolean", "int", "long", "float", "double", "bytes", "string", "array", "map"}
)
_NAMED: Final = frozenset({"record", "error", "enum", "fixed"})


def inline(text: str, references: Iterable[str]) -> str:
    """Return the schema `text` with the named types of `references` in place of their names.

    Args:
        text: An Avro schema as JSON.
        references: The schemas that it needs directly or through others, in any order.

    Raises:
        ValueError: One of the texts is not JSON.
    """
    types: dict[str, Any] = {}
    for reference in references:
        _collect(json.loads(reference), "", types)
    return json.dumps(_Inliner(types).schema(json.loads(text), ""), separators=(",", ":"))


class _Inliner:
    def __init__(self, types: Mapping[str, Any]) -> None:
        self._types = types
        self._defined: set[str] = set()

    def schema(self, schema: Any, namespace: str) -> Any:
        if isinstance(schema, str):
            return self._name(schema, namespace)
        if isinstance(schema, list):
            return [self.schema(branch, namespace) for branch in schema]
        if not isinstance(schema, dict):
            return schema
        if schema.get("type") in _NAMED and "name" in schema:
            return self._definition(schema, namespace)
        return {
            key: self.schema(value, namespace) if key in ("type", "items", "values") else value
            for key, value in schema.items()
        }

    def _name(self, name: str, namespace: str) -> Any:
        if name in _UNNAMED:
            return name
        full = _full(name, namespace)
        if full not in self._types and name in self._types:
            full = name
        if full in self._defined or full not in self._types:
            return full
        return self._definition(self._types[full], "")

    def _definition(self, schema: Mapping[str, Any], namespace: str) -> Any:
        full = _full_name(schema, namespace)
        if full in self._defined and full in self._types:
            return full
        self._defined.add(full)
        own, _, short = full.rpartition(".")
        whole = {**schema, "name": short, "namespace": own}
        if "fields" in schema:
            whole["fields"] = [
                {**field, "type": self.schema(field["type"], own)} for field in schema["fields"]
            ]
        return whole


def _collect(schema: Any, namespace: str, types: dict[str, Any]) -> None:
    """Add every named type of a schema under its full name, with its namespace spelled out."""
    if isinstance(schema, list):
        for branch in schema:
            _collect(branch, namespace, types)
    elif isinstance(schema, dict):
        if schema.get("type") in _NAMED and "name" in schema:
            full = _full_name(schema, namespace)
            namespace, _, short = full.rpartition(".")
            types.setdefault(full, {**schema, "name": short, "namespace": namespace})
        for field in schema.get("fields", ()):
            _collect(field["type"], namespace, types)
        for key in ("type", "items", "values"):
            if not isinstance(schema.get(key), str):
                _collect(schema.get(key), namespace, types)


def _full_name(schema: Mapping[str, Any], namespace: str) -> str:
    return _full(schema["name"], schema.get("namespace", namespace))


def _full(name: str, namespace: str | None) -> str:
    return name if "." in name or not namespace else f"{namespace}.{name}"
