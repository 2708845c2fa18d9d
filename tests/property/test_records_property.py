"""Records that came in fetches of several partitions are the records one by one."""

from hypothesis import given
from hypothesis import strategies as st

from streams.contracts.batch import POSITION_FIELDS
from streams.contracts.records import Records
from streams.record import Record
from tests.support.batches import raw_batches

blobs = st.none() | st.binary(max_size=3)
headers = st.lists(st.tuples(st.sampled_from("ab"), blobs), max_size=2).map(tuple)


@st.composite
def fetched(draw: st.DrawFn) -> list[Record]:
    """Records of a topic's partitions, mixed, their offsets rising by one or more."""
    records, offset = [], 0
    for _ in range(draw(st.integers(1, 12))):
        offset += draw(st.sampled_from((1, 1, 1, 5)))
        partition, at = draw(st.integers(0, 2)), draw(st.integers(0, 1 << 40))
        key, value = draw(blobs), draw(blobs)
        records.append(Record("t", partition, offset, at, key, value, draw(headers)))
    return records


@given(fetched())
def test_fetches_side_by_side_are_their_records_in_order(records: list[Record]) -> None:
    joined = Records.joined(raw_batches(records))
    assert [joined.record(index) for index in range(len(joined))] == records
    assert [list(column) for column in (joined.keys, joined.values)] == [
        [record.key for record in records],
        [record.value for record in records],
    ]
    assert [column.type for column in joined.places] == [
        field.type for field in POSITION_FIELDS[:3]
    ]
    alone = Records.of(records)
    assert [alone.record(index) for index in range(len(alone))] == records
