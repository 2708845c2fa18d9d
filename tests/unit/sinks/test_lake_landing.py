"""Each record once in the lake, whatever is delivered again, by whom, and when it stops."""

import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from operator import itemgetter
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from streams.contracts.arrow import arrow_schema
from streams.contracts.batch import ErrorCode, Rejected
from streams.contracts.bronze import QUARANTINE_TABLE, bronze_table, lake_tables
from streams.record import Record
from streams.sinks.delta.landing import Landed, Landing, first_missing, next_offsets
from streams.sinks.delta.table import ConcurrentCommitError, LakeError, LakeTable, create_tables
from tests.support.messages import produces, shown

TOPIC = "social.likes.v1"
TABLE = bronze_table(TOPIC)
AT = datetime(2026, 1, 2, 23, 59, tzinfo=UTC)


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    create_tables(tmp_path, (TABLE, QUARANTINE_TABLE))
    return tmp_path


def rows(*positions: tuple[int, int], note: str = "ContentLiked") -> pa.Table:
    """Likes at (partition, offset)."""
    given = {
        "record_type": note,
        "append_time": AT,
        "append_date": AT.date(),
    }
    return pa.Table.from_pylist(
        [
            given | {"kafka_partition": partition, "kafka_offset": offset}
            for partition, offset in positions
        ],
        schema=arrow_schema(TABLE),
    )


def span(partition: int, offsets: range) -> list[tuple[int, int]]:
    return [(partition, offset) for offset in offsets]


def refused(*positions: tuple[int, int]) -> list[Rejected]:
    return [
        Rejected(
            Record(TOPIC, partition, offset, round(AT.timestamp() * 1000), None, b"\xff"),
            ErrorCode.BAD_FRAME,
            "VALUE_CONVERTER",
            "BadFrameError",
            "no frame",
        )
        for partition, offset in positions
    ]


def landed(lake: Path, table: str = TABLE.name) -> list[tuple[int, int]]:
    """Every (partition, offset) that a table holds, in order, repetitions included."""
    found = pa.table(DeltaTable(lake / table).scan(["kafka_partition", "kafka_offset"]))
    return sorted((row["kafka_partition"], row["kafka_offset"]) for row in found.to_pylist())


def quarantined(lake: Path) -> list[tuple[int, int]]:
    return landed(lake, QUARANTINE_TABLE.name)


def commits(lake: Path, table: str = TABLE.name) -> int:
    return DeltaTable(lake / table).version()


def test_a_batch_delivered_again_changes_nothing(lake: Path) -> None:
    landing, batch = Landing(lake, TOPIC), rows(*span(0, range(5)), *span(3, range(7, 9)))
    assert landing.land(batch) == Landed(7, 0)
    assert landing.land(batch) == Landed(0, 7)
    assert Landing(lake, TOPIC).land(batch) == Landed(0, 7)  # of the next process
    assert landed(lake) == [*span(0, range(5)), *span(3, range(7, 9))]
    assert commits(lake) == 1


def test_only_what_is_new_of_an_overlapping_batch_is_written(lake: Path) -> None:
    landing = Landing(lake, TOPIC)
    landing.land(rows(*span(0, range(5)), *span(1, range(5))))
    assert landing.land(rows(*span(0, range(3, 8)), *span(2, range(2)))) == Landed(5, 2)
    assert landed(lake) == [*span(0, range(8)), *span(1, range(5)), *span(2, range(2))]


def test_a_record_twice_in_one_batch_is_written_once(lake: Path) -> None:
    batch = pa.concat_tables([rows((0, 0), (0, 1)), rows((0, 1), (0, 2), note="ContentUnliked")])
    assert Landing(lake, TOPIC).land(batch) == Landed(3, 1)
    assert landed(lake) == span(0, range(3))


def test_a_commit_against_an_outdated_snapshot_is_refused(lake: Path) -> None:
    """A worker was paused between looking and committing; another one took its partition."""
    paused, other = LakeTable(lake, TABLE), LakeTable(lake, TABLE)
    paused.refresh()
    assert paused.last_offset(TOPIC, 0) == -1
    other.append(rows(*span(0, range(5))), TOPIC, {0: 4})
    with pytest.raises(ConcurrentCommitError, match="bronze_likes"):
        paused.append(rows(*span(0, range(8))), TOPIC, {0: 7})
    with pytest.raises(ConcurrentCommitError):  # all of it, also the partition that nobody took
        paused.append(rows(*span(0, range(5, 8)), (1, 0)), TOPIC, {0: 7, 1: 0})
    assert landed(lake) == span(0, range(5))
    paused.refresh()
    assert paused.last_offset(TOPIC, 0) == 4


def test_owners_of_other_partitions_do_not_disturb_each_other(lake: Path) -> None:
    one, other = LakeTable(lake, TABLE), LakeTable(lake, TABLE)
    one.append(rows((0, 0)), TOPIC, {0: 0})
    other.append(rows((1, 0)), TOPIC, {1: 0})
    assert landed(lake) == [(0, 0), (1, 0)]


def test_two_owners_at_once_write_each_record_once(lake: Path) -> None:
    """The same partitions, cut into other batches, by two workers that each think they own them."""

    def work(step: int) -> int:
        landing, conflicts, at = Landing(lake, TOPIC), 0, 0
        while at < 60:
            assert conflicts < 500
            batch = rows(*(place for part in (0, 1) for place in span(part, range(at, at + step))))
            try:
                landing.land(batch)
                at += step
            except ConcurrentCommitError:
                conflicts += 1
        return conflicts

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(work, (3, 5)))
    assert landed(lake) == [*span(0, range(60)), *span(1, range(60))]


def test_refused_records_are_kept_whole_and_once(lake: Path) -> None:
    landing = Landing(lake, TOPIC)
    batch = refused((0, 3), (0, 5), (1, 0))
    assert landing.quarantine(batch) == batch
    assert landing.quarantine([*batch, *refused((0, 6))]) == refused((0, 6))
    assert quarantined(lake) == [(0, 3), (0, 5), (0, 6), (1, 0)]
    (row,) = pa.table(DeltaTable(lake / "quarantine").scan(None, "kafka_partition = 1")).to_pylist()
    assert row == {
        "topic": TOPIC,
        "kafka_partition": 1,
        "kafka_offset": 0,
        "append_time": AT,
        "append_date": AT.date(),
        "code": "bad_frame",
        "error": "BadFrameError",
        "message": "no frame",
        "key": None,
        "value": b"\xff",
        "change": None,
        "headers": [],
    }


def test_refused_record_is_rebuilt_from_its_row(lake: Path) -> None:
    """Names in their order, repeated ones included; null and empty values apart."""
    headers = (("b", b"\0\xff"), ("a", None), ("ä", b""), ("b", b"2"))
    record = Record(TOPIC, 0, 7, round(AT.timestamp() * 1000), b"4", None, headers)
    rejection = Rejected(record, ErrorCode.BAD_FRAME, "VALUE_CONVERTER", "FrameError", "no frame")
    Landing(lake, TOPIC).quarantine([rejection, *refused((0, 8))])
    assert rebuilt(lake) == [record, refused((0, 8))[0].record]


def rebuilt(lake: Path) -> list[Record]:
    """Return the records of the quarantine, by offset."""
    rows = pa.table(DeltaTable(lake / QUARANTINE_TABLE.name).scan()).to_pylist()
    return [
        Record(
            row["topic"],
            row["kafka_partition"],
            row["kafka_offset"],
            round(row["append_time"].timestamp() * 1000),
            row["key"],
            row["value"],
            tuple((header["name"], header["value"]) for header in row["headers"] or ()),
        )
        for row in sorted(rows, key=itemgetter("kafka_offset"))
    ]


def test_quarantine_of_an_earlier_release_keeps_headers_from_now_on(tmp_path: Path) -> None:
    older = replace(
        QUARANTINE_TABLE,
        columns=tuple(c for c in QUARANTINE_TABLE.columns if c.name != "headers"),
    )
    create_tables(tmp_path, (TABLE, older))
    without = refused((0, 1))
    row = dict.fromkeys(older.column_names) | {
        "topic": TOPIC,
        "kafka_partition": 0,
        "kafka_offset": 1,
        "append_time": AT,
        "append_date": AT.date(),
        "value": b"\xff",
    }
    LakeTable(tmp_path, older).append(
        pa.Table.from_pylist([row], schema=arrow_schema(older)), TOPIC, {0: 1}
    )
    for _ in range(2):
        create_tables(tmp_path, (TABLE, QUARANTINE_TABLE))
    assert commits(tmp_path, QUARANTINE_TABLE.name) == 2
    header = ("apicurio.value.globalId", b"short")
    (new,) = refused((0, 2))
    new = new._replace(record=new.record._replace(headers=(header,)))
    assert Landing(tmp_path, TOPIC).quarantine([*without, new]) == [new]
    assert rebuilt(tmp_path) == [without[0].record, new.record]
    kept = pa.table(DeltaTable(tmp_path / QUARANTINE_TABLE.name).scan(["headers"]))
    assert None in kept["headers"].to_pylist(), "unknown headers are not told as none"


def test_a_crash_between_quarantine_and_bronze_leaves_each_record_in_one_of_them(
    lake: Path,
) -> None:
    Landing(lake, TOPIC).quarantine(refused((0, 2), (0, 4)))  # and then kill -9
    landing = Landing(lake, TOPIC)
    assert landing.quarantine(refused((0, 2), (0, 4))) == []
    assert landing.land(rows((0, 0), (0, 1), (0, 3), (0, 5))) == Landed(4, 0)
    assert landed(lake) == [(0, 0), (0, 1), (0, 3), (0, 5)]
    assert quarantined(lake) == [(0, 2), (0, 4)]


def test_a_record_whose_verdict_changed_stays_where_it_is(lake: Path) -> None:
    """The registry learned the schema of offset 2 while the worker was down, and lost another."""
    Landing(lake, TOPIC).quarantine(refused((0, 2)))
    landing = Landing(lake, TOPIC)
    assert landing.quarantine(refused((0, 1))) == refused((0, 1))
    assert landing.land(rows((0, 0), (0, 2), (0, 3))) == Landed(2, 1)
    assert landing.quarantine(refused((0, 3), (0, 0))) == []
    assert landed(lake) == [(0, 0), (0, 3)]
    assert quarantined(lake) == [(0, 1), (0, 2)]


def test_the_quarantine_never_forgets_how_far_it_reaches(lake: Path) -> None:
    landing = Landing(lake, TOPIC)
    landing.quarantine(refused((0, 2)))
    landing.quarantine(refused((0, 0)))
    landing.land(rows((0, 1)))
    assert landing.land(rows((0, 2), (0, 3))) == Landed(1, 1)


def test_tables_are_made_by_any_number_of_processes_at_once(tmp_path: Path) -> None:
    def make(_: int) -> None:
        create_tables(tmp_path, lake_tables())

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(make, range(8)))
    for table in lake_tables():
        delta = DeltaTable(tmp_path / table.name)
        assert delta.version() == 0
        assert [field.name for field in delta.schema().fields] == list(table.column_names)
        assert delta.metadata().partition_columns == ["append_date"]
        assert delta.protocol().min_reader_version == 1


def _files(lake: Path) -> Sequence[Path]:
    return sorted((lake / TABLE.name).rglob("*.parquet"))


def test_a_file_without_a_commit_is_not_read(lake: Path) -> None:
    """What kill -9 leaves between writing the data and committing it."""
    landing = Landing(lake, TOPIC)
    landing.land(rows((0, 0)))
    (written,) = _files(lake)
    (written.parent / "part-00000-orphan.zstd.parquet").write_bytes(written.read_bytes()[:100])
    assert landed(lake) == [(0, 0)]
    assert landing.land(rows((0, 0), (0, 1))) == Landed(1, 1)


def test_a_torn_commit_stops_the_worker_and_mends_by_its_removal(lake: Path) -> None:
    landing = Landing(lake, TOPIC)
    landing.land(rows((0, 0)))
    torn = lake / TABLE.name / "_delta_log" / f"{2:020d}.json"
    torn.write_text('{"add":{"path":"append_date=2026')
    with pytest.raises(LakeError, match="bronze_likes"):
        landing.land(rows((0, 1)))
    with pytest.raises(LakeError):
        Landing(lake, TOPIC)
    torn.unlink()
    assert Landing(lake, TOPIC).land(rows((0, 0), (0, 1))) == Landed(1, 1)
    assert landed(lake) == [(0, 0), (0, 1)]


def test_reading_begins_again_where_the_table_ends(lake: Path) -> None:
    """A commit that Kafka's outlived, as after a power failure: its records are wanted again."""
    landing = Landing(lake, TOPIC)
    landing.land(rows(*span(0, range(5)), *span(1, range(3))))
    landing.quarantine(refused((2, 9)))
    places = [(TOPIC, partition) for partition in range(4)]
    assert list(next_offsets(lake, places).values()) == [5, 3, 0, 0]
    landing.land(rows(*span(0, range(5, 9))))
    assert next_offsets(lake, places)[TOPIC, 0] == 9
    (lake / TABLE.name / "_delta_log" / f"{2:020d}.json").unlink()
    assert next_offsets(lake, places)[TOPIC, 0] == 5


def test_what_the_quarantine_took_last_is_not_left_to_read(lake: Path) -> None:
    landing = Landing(lake, TOPIC)
    landing.land(rows(*span(0, range(5))))
    landing.quarantine(refused((0, 5), (0, 6), (0, 8), (1, 0), (2, 1)))
    places = [(TOPIC, partition) for partition in range(4)]
    assert list(next_offsets(lake, places).values()) == [7, 1, 0, 0]
    landing.land(rows((0, 7)))
    assert next_offsets(lake, places)[TOPIC, 0] == 9


def test_what_is_landed_after_a_table_was_opened_is_not_in_that_snapshot(lake: Path) -> None:
    """A status asks for the log's end afterwards, and no table may seem to be ahead of it."""
    landing = Landing(lake, TOPIC)
    landing.land(rows(*span(0, range(5))))
    bronze = LakeTable(lake, TABLE, DeltaTable(lake / TABLE.name))
    quarantine = LakeTable(lake, QUARANTINE_TABLE, DeltaTable(lake / QUARANTINE_TABLE.name))
    landing.land(rows(*span(0, range(5, 9))))
    landing.quarantine(refused((0, 9)))
    assert first_missing(bronze, quarantine, TOPIC, 0) == 5
    assert next_offsets(lake, [(TOPIC, 0)]) == {(TOPIC, 0): 10}


WRITE_WITHOUT_ROOM = """
import resource, signal, sys
from pathlib import Path
from streams.sinks.delta.landing import Landing
from streams.errors import StoreUnavailableError
from tests.unit.sinks.test_lake_landing import TOPIC, rows, span
landing, batch = Landing(Path(sys.argv[1]), TOPIC), rows(*span(0, range(50_000)))
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    landing.land(batch)
except StoreUnavailableError as error:
    print(error)
"""


@produces("the lake's storage cannot be written now: …")
def test_a_full_disk_is_told_and_nothing_is_written(lake: Path) -> None:
    """No file may grow beyond 1,000 bytes: as if the disk were full."""
    told = subprocess.run(
        [sys.executable, "-c", WRITE_WITHOUT_ROOM, str(lake)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    [line] = shown(told.stdout).splitlines()
    assert line.startswith("the lake's storage cannot be written now: bronze_likes: "), told
    assert landed(lake) == []
    assert Landing(lake, TOPIC).land(rows(*span(0, range(5)))) == Landed(5, 0)


@produces("there is no table at …")
def test_table_that_was_removed_is_reported(lake: Path) -> None:
    shutil.rmtree(lake / TABLE.name)
    with pytest.raises(LakeError, match="there is no table at") as missing:
        LakeTable(lake, TABLE)
    assert "when it starts" in str(missing.value.hint)


@produces("the lake cannot be used: …")
def test_a_lake_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "lake").write_text("a file")
    with pytest.raises(LakeError, match="the lake cannot be used"):
        create_tables(tmp_path / "lake", [TABLE])


def test_columns_that_a_release_adds_are_added_to_the_table(tmp_path: Path) -> None:
    older = replace(TABLE, columns=tuple(c for c in TABLE.columns if c.name != "owner_id"))
    create_tables(tmp_path, (older, QUARANTINE_TABLE))
    LakeTable(tmp_path, older).append(rows((0, 0)).drop_columns("owner_id"), TOPIC, {0: 0})
    create_tables(tmp_path, (TABLE,))
    create_tables(tmp_path, (TABLE,))
    assert commits(tmp_path) == 2
    assert Landing(tmp_path, TOPIC).land(rows((0, 0), (0, 1))) == Landed(1, 1)
    names = [field.name for field in DeltaTable(tmp_path / TABLE.name).schema().fields]
    assert sorted(names) == sorted(TABLE.column_names)


def test_a_column_of_another_type_is_told(tmp_path: Path) -> None:
    columns = tuple(
        replace(column, type="STRING") if column.name == "owner_id" else column
        for column in TABLE.columns
    )
    create_tables(tmp_path, (replace(TABLE, columns=columns),))
    with pytest.raises(LakeError, match=r"owner_id of .*bronze_likes is .*string"):
        create_tables(tmp_path, (TABLE,))


@produces("… was filled from another log: … has been made again since")
def test_a_lake_of_another_log_is_refused_before_it_hides_records(lake: Path) -> None:
    table = LakeTable(lake, TABLE)
    table.bind_topic(TOPIC, "one", range(2))
    table.append(rows((1, 0)), TOPIC, {1: 0})
    LakeTable(lake, TABLE).bind_topic(TOPIC, "one", range(2))  # the next process
    with pytest.raises(LakeError, match="another log") as refused_claim:
        LakeTable(lake, TABLE).bind_topic(TOPIC, "two", range(2))
    assert "STORYLINE_LAKE" in str(refused_claim.value.hint)


def test_workers_that_start_at_once_claim_together(lake: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        tables = [LakeTable(lake, TABLE) for _ in range(4)]
        list(pool.map(lambda table: table.bind_topic(TOPIC, "one", range(2)), tables))
    assert LakeTable(lake, TABLE).last_offset(TOPIC, 0) == -1
