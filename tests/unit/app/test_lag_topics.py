"""Which topics and groups `storyline lag` asks about."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import pytest

from streams.agents.registry import AGENTS
from streams.app.settings import Settings
from streams.app.workers.lag import lag_report
from streams.errors import UserError
from streams.kafka.consumer_groups import PartitionLag


class Broker:
    """Answers for groups and topics; `absent` are topics that it does not have."""

    def __init__(self, absent: Sequence[str] = ()) -> None:
        self.absent = absent

    def missing(self, topics: Sequence[str]) -> list[str]:
        return [topic for topic in topics if topic in self.absent]

    def lag(self, groups: Mapping[str, Iterable[str]]) -> list[PartitionLag]:
        return [
            PartitionLag(group, topic, 0, committed=4, start=2, end=9)
            for group, topics in groups.items()
            for topic in topics
        ]

    def sizes(self, topics: Sequence[str]) -> dict[str, int]:
        return {topic: len(topic) for topic in topics}


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch) -> Broker:
    broker = Broker()
    monkeypatch.setattr("streams.app.stores.progress", lambda _settings: broker)
    return broker


def test_dead_letters_of_every_topic_of_a_group_are_counted(broker: Broker, tmp_path: Path) -> None:
    found = lag_report(Settings(home=tmp_path), ("engagement", "graph"))
    expected = {f"{topic}.dlq" for name in ("engagement", "graph") for topic in AGENTS[name].topics}
    assert found.dead_letters == {topic: len(topic) for topic in expected}
    assert {"social.views.v1.dlq", "social.comments.v1.dlq"} <= expected


def test_lake_has_lag_but_no_dead_letter_topics(broker: Broker, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    found = lag_report(settings, ("lake",))
    assert found.dead_letters == {}
    assert {lag.group for lag in found.lags} == {settings.group("lake")}
    assert {lag.topic for lag in found.lags} == set(AGENTS["lake"].topics)


def test_lag_is_the_sum_over_all_partitions_of_all_groups(broker: Broker, tmp_path: Path) -> None:
    found = lag_report(Settings(home=tmp_path))
    assert len(found.lags) == sum(len(agent.topics) for agent in AGENTS.values())
    assert found.lag == 5 * len(found.lags)


def test_absent_topic_is_named(broker: Broker, tmp_path: Path) -> None:
    broker.absent = ["social.views.v1"]
    with pytest.raises(UserError, match=r"social\.views\.v1"):
        lag_report(Settings(home=tmp_path), ("engagement",))


@pytest.mark.parametrize(
    ("committed", "start", "lag"),
    [(None, 0, 9), (None, 2, 7), (0, 2, 7), (5, 2, 4), (9, 2, 0), (1, 2, 7)],
)
def test_lag_counts_from_the_commit_or_the_start_of_the_log(
    committed: int | None, start: int, lag: int
) -> None:
    assert PartitionLag("g", "t", 0, committed, start, 9).lag == lag
