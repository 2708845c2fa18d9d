"""Feeds of authors who have written much: the fold reads all of their posts."""

from streams.verification.expected_feeds import TOPICS, FeedFold
from streams.verification.log_scan import everything
from streams.verification.readers import NamedReaders
from tests.support.memory_log import MemoryLog, schema_text
from tests.support.small_network import READER, follow, post


def test_fold_holds_every_post_of_an_author() -> None:
    events = [follow(0), *(post(number) for number in range(1, 101))]
    log = MemoryLog(events, piece=1000)
    fold = FeedFold(log, schema_text, everything(log, TOPICS), lambda _: None)
    assert fold.run(NamedReaders([READER])) == (READER,)
    assert len(fold.feed(READER)) == 100
    assert len(fold.posts_concerning(READER)) == 100
