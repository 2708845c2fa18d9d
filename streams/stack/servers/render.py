"""Configuration files from templates beside this module."""

from importlib.resources import files
from string import Template
from xml.sax.saxutils import escape


def render_xml(name: str, **values: object) -> str:
    """A template with its `${…}` replaced, escaped for XML attributes and text."""
    text = files("streams.stack").joinpath("templates", name).read_text(encoding="utf-8")
    safe = {key: escape(str(value), {'"': "&quot;"}) for key, value in values.items()}
    return Template(text).substitute(safe)


def render_properties(values: dict[str, str]) -> str:
    """Java properties: no keys or line ends in need of care, but read as Latin-1."""
    return "".join(f"{key}={_escaped(value)}\n" for key, value in values.items())


def _escaped(value: str) -> str:
    """As UTF-16 code units where it is not ASCII."""
    units = value.replace("\\", "\\\\").encode("utf-16-be")
    pairs = (int.from_bytes(units[at : at + 2], "big") for at in range(0, len(units), 2))
    return "".join(chr(unit) if unit < 0x80 else f"\\u{unit:04x}" for unit in pairs)
