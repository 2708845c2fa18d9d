"""Views of records: their event, also of records of a dead letter topic."""

import pytest

from streams.contracts.codec import encode
from streams.contracts.events import EVENT_TYPES, UserFollowed
from streams.contracts.ids import EPOCH_MS, make_id
from streams.dlq.record_view import decode_for_display
from streams.record import Record
from tests.support.memory_log import schema_text

TOPIC = "social.follows.v1"
FOLLOW = UserFollowed(
    event_id=make_id(EPOCH_MS, 1), occurred_at=EPOCH_MS, follower_id=1, followee_id=2
)


@pytest.mark.parametrize("topic", [TOPIC, f"{TOPIC}.dlq"])
def test_record_that_can_be_decoded_is_shown_with_its_event(topic: str) -> None:
    value = encode(FOLLOW, sorted(EVENT_TYPES).index("UserFollowed"))
    records = [
        Record(topic, 3, 17, EPOCH_MS, b"2", value),
        Record(topic, 3, 18, EPOCH_MS, b"2", b""),
    ]
    good, bad = decode_for_display(records, topic, schema_text)
    assert (good.event, good.error) == (FOLLOW, None)
    assert bad.event is None
    assert bad.error is not None
    assert bad.error[0] == "bad_frame"
