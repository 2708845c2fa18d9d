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
    """Java properties; backslashes are the only thing in our values that needs care."""
    doubled = {key: value.replace("\\", "\\\\") for key, value in values.items()}
    return "".join(f"{key}={value}\n" for key, value in doubled.items())
