"""Reports of star files that are missing or damaged."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable

from streams.app.lake.doctor import examine_lake
from streams.app.lake.migrate import damaged_tables, migrate, to_migrate
from streams.app.lake.run import Reporter
from streams.app.settings import Settings
from streams.contracts.tables import DIM_DATE, FACT_FOLLOWS
from streams.errors import UserError
from streams.lakehouse.files import data_files
from tests.support.lakes import write_table
from tests.support.messages import produces, shown


def follow(day: int) -> dict[str, Any]:
    at = datetime(2026, 3, day, 12, tzinfo=UTC)
    return {"event_id": day, "event_type": "follow", "event_date": at.date(), "occurred_at": at}


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    """Files of `fact_follows`, one per day, in a lake that also has a whole table."""
    write_table(tmp_path, FACT_FOLLOWS, map(follow, (1, 2, 3, 4, 5)))
    write_table(tmp_path, DIM_DATE)
    folder = tmp_path / FACT_FOLLOWS.name
    return sorted(file.path for file in data_files(DeltaTable(folder), folder))


@produces("tables with damaged files were not migrated: …", "… of its files cannot be read: …")
def test_damaged_files_are_named_with_the_rebuild_by_migration_and_doctor(
    tmp_path: Path, paths: list[Path]
) -> None:
    damaged, missing, old, *_ = paths
    damaged.write_bytes(b"PAR1 cut off")
    missing.unlink()
    pq.write_table(pq.read_table(old), old, use_deprecated_int96_timestamps=True)
    assert to_migrate(tmp_path).keys() == {FACT_FOLLOWS.name}
    [finding] = examine_lake(Settings(lake=tmp_path))
    with pytest.raises(UserError) as refused:  # Spark, which the rewrite needs, does not start
        migrate(Settings(lake=tmp_path), Reporter(), lambda _: None)
    for text in (shown(finding.text), refused.value.message):
        assert "fact_follows: 2 of its files cannot be read" in text
        assert f"event_date=2026-03-01/{damaged.name}, event_date=2026-03-02/{missing.name}" in text
    assert finding.level == "problem"
    for advice in (finding.advice, str(refused.value.hint)):
        assert "storyline lake rebuild fact_follows" in advice


def test_message_names_only_the_first_of_many_damaged_files(
    tmp_path: Path, paths: list[Path]
) -> None:
    for path in paths:
        path.unlink()
    text = damaged_tables(tmp_path)[FACT_FOLLOWS.name]
    assert "5 of its files" in text
    assert [path.name in text for path in paths] == [True, True, True, False, False]


def test_lake_with_whole_files_needs_nothing(tmp_path: Path, paths: list[Path]) -> None:
    assert paths
    [finding] = examine_lake(Settings(lake=tmp_path))
    assert finding.level == "ok"
    assert migrate(Settings(lake=tmp_path), Reporter(), lambda _: None) == {}
