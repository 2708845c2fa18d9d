"""Records that a batch holds twice, and whose first copy is a dead letter already."""

from collections.abc import Sequence

from streams.contracts.batch import ErrorCode, Rejected
from streams.record import Record
from streams.runtime.dead_letters.reported_records import ReportedRecords
from streams.runtime.dead_letters.reporter import Rejection
from tests.support.batches import raw_batches

TOPIC = "things"


def record(offset: int, partition: int = 0) -> Record:
    return Record(TOPIC, partition, offset, 1_000, None, b"bad")


def refused(*offsets: int, partition: int = 0) -> Sequence[Rejection]:
    return [
        Rejected(record(offset, partition), ErrorCode.BAD_FRAME, "STAGE", "Error", "text")
        for offset in offsets
    ]


def test_second_copy_of_a_record_is_still_to_be_reported() -> None:
    reported = ReportedRecords()
    reported.add(refused(5))
    assert reported.unreported(refused(5, 5)) == refused(5)
    assert reported.unreported(refused(5)) == []
    assert reported.unreported(refused(5, 5, 5)) == refused(5, 5)


def test_question_changes_nothing() -> None:
    reported = ReportedRecords()
    reported.add(refused(5, 5))
    for _ in range(3):
        assert reported.unreported(refused(5, 5)) == []
        assert reported.unreported(refused(5, 5, 6)) == refused(6)


def test_same_offset_of_another_partition_is_another_record() -> None:
    reported = ReportedRecords()
    reported.add(refused(5))
    assert reported.unreported(refused(5, partition=1)) == refused(5, partition=1)


def test_records_that_are_no_longer_refused_are_counted_by_copy() -> None:
    reported = ReportedRecords()
    batches = raw_batches([record(5), record(5), record(6)])
    assert reported.count_no_longer_rejected(batches, []) == 0
    reported.add(refused(5, 5, 6))
    assert reported.count_no_longer_rejected(batches, []) == 3
    assert reported.count_no_longer_rejected(batches, refused(5)) == 2
    assert reported.count_no_longer_rejected(batches, refused(5, 5, 5, 6)) == 0, (
        "never fewer than none"
    )
    assert reported.count_no_longer_rejected(raw_batches([record(6)]), []) == 1, (
        "of this part of the batch only"
    )
