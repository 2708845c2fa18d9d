"""Key under which the posts of a hashtag are found."""

import unicodedata
from typing import Final

from streams.contracts.validation import MAX_HASHTAG

MAX_TAG_KEY: Final = 18 * MAX_HASHTAG
"""Code points of the longest key: normalisation turns one into up to 18 (U+FDFA)."""


def tag_key(tag: str) -> str:
    """Return NFKC(casefold(NFKC(tag))) without the leading '#' signs; `''` if nothing is left.

    This is Unicode's compatibility caseless match (The Unicode Standard, section 3.13, D146
    without the outer NFD), so '#Straße', 'STRASSE' and the full-width forms share one key. An
    empty key is no tag: callers drop it.
    """
    folded = unicodedata.normalize("NFKC", tag).casefold()
    return unicodedata.normalize("NFKC", folded).lstrip("#")
