"""Configuration files rendered from the templates of this package."""

from importlib.resources import files
from string import Template
from xml.sax.saxutils import escape


def render_xml(name: str, **values: object) -> str:
    """Return a template with its `${…}` replaced, escaped for XML attributes and text."""
    text = files("streams.stack").joinpath("templates", name).read_text(encoding="utf-8")
    safe = {key: escape(str(value), {'"': "&quot;"}) for key, value in values.items()}
    return Template(text).substitute(safe)


def render_properties(values: dict[str, str]) -> str:
    """Return Java properties, read as Latin-1. Keys and line ends must need no escapes."""
    return "".join(f"{key}={_escaped(value)}\n" for key, value in values.items())


def _escaped(value: str) -> str:
    """Escape backslashes, and write all but ASCII as UTF-16 code units."""
    units = value.replace("\\", "\\\\").encode("utf-16-be")
    pairs = (int.from_bytes(units[at : at + 2], "big") for at in range(0, len(units), 2))
    return "".join(chr(unit) if unit < 0x80 else f"\\u{unit:04x}" for unit in pairs)
