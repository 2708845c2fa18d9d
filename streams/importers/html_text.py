"""Conversion to plain text of the HTML that ActivityPub servers send."""

import re
from html.parser import HTMLParser
from typing import Final

_BLOCKS: Final = frozenset(
    {"p", "div", "ul", "ol", "blockquote", "pre", "h1", "h2", "h3", "h4", "h5", "h6", "table"}
)
_LINES: Final = frozenset({"li", "tr", "hr"})
_HIDDEN: Final = frozenset({"script", "style", "template", "head", "title"})
_SPACE: Final = re.compile(r"[ \t\n\r\f]+")
_AROUND_BREAK: Final = re.compile(r" *\n *")
_BREAKS: Final = re.compile(r"\n{3,}")


def plain_text(html: str) -> str:
    """Return the text of an HTML fragment.

    A blank line separates paragraphs; `<br>` becomes a line break.
    Links keep their text; Mastodon writes the whole address there.
    """
    parser = _TextParser()
    parser.feed(html)
    parser.close()
    text = _AROUND_BREAK.sub("\n", "".join(parser.parts))
    return _BREAKS.sub("\n\n", text).strip(" \n")


class _TextParser(HTMLParser):
    """Parser that collects text, with the line breaks that its elements mean."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:  # noqa: ARG002
        if tag == "br":
            self.parts.append("\n")
        elif tag in _HIDDEN:
            self._hidden += 1
        else:
            self._break(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in _HIDDEN:
            self._hidden = max(0, self._hidden - 1)
        else:
            self._break(tag)

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.parts.append(_SPACE.sub(" ", data))

    def _break(self, tag: str) -> None:
        if tag in _BLOCKS:
            self.parts.append("\n\n")
        elif tag in _LINES:
            self.parts.append("\n")
