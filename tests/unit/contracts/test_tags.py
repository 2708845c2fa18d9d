"""The key of a hashtag."""

import pytest

from streams.contracts.tags import tag_key


@pytest.mark.parametrize(
    ("tag", "key"),
    [
        ("lake", "lake"),
        ("#Lake", "lake"),
        ("##Lake", "lake"),
        ("＃ＬＡＫＥ", "lake"),
        ("Straße", "strasse"),
        ("STRASSE", "strasse"),
        ("Cafe\u0301", "café"),
        ("ﬁne", "fine"),
        ("İstanbul", "i̇stanbul"),
        ("ΣΊΣΥΦΟΣ", "σίσυφοσ"),
        ("\u01f0", "\u01f0"),  # folding takes it apart, the outer normalisation joins it again
        ("c#", "c#"),
        ("#", ""),
        ("", ""),
    ],
)
def test_tags_that_look_alike_share_a_key(tag: str, key: str) -> None:
    assert tag_key(tag) == key
    assert tag_key(key) == key
