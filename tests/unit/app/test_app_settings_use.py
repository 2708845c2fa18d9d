"""What workers are given of the settings: ports, and the topics that they need."""

import itertools
from pathlib import Path

from streams.agents.registry import AGENTS
from streams.app.settings import Hosts, Settings
from streams.app.stores import redis_client
from streams.app.workers.agent_runtime import topics_needed
from streams.app.workers.run import _metrics_port
from streams.contracts.catalog import topics


def test_each_worker_has_a_metrics_port_of_its_own(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, metrics_port=9100)
    ports = [_metrics_port(settings, *who) for who in itertools.product(AGENTS, range(3))]
    assert len(set(ports)) == len(ports)
    assert min(ports) == 9100
    assert max(ports) == 9100 + len(ports) - 1


def test_metrics_port_0_leaves_the_choice_to_the_system(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path, metrics_port=0)
    assert {_metrics_port(settings, *who) for who in itertools.product(AGENTS, range(3))} == {0}


def test_a_process_has_one_client_per_redis_server(tmp_path: Path) -> None:
    client = redis_client(Settings(home=tmp_path))
    assert redis_client(Settings(home=tmp_path, views_version="v2")) is client
    assert redis_client(Settings(home=tmp_path, hosts=Hosts(redis="elsewhere"))) is not client


def test_worker_of_views_needs_dead_letter_topics_and_those_that_it_writes() -> None:
    needed = topics_needed(["engagement"])
    read = set(AGENTS["engagement"].topics)
    assert needed >= read | {f"{topic}.dlq" for topic in read}
    assert "storyline.fanout.v1" in needed


def test_worker_of_the_lake_needs_the_topics_that_it_reads_alone() -> None:
    assert topics_needed(["lake"]) == set(AGENTS["lake"].topics)
    assert not any(topic.endswith(".dlq") for topic in topics_needed(["lake"]))


def test_every_topic_that_is_needed_is_in_the_catalog_or_beside_one() -> None:
    for topic in topics_needed(list(AGENTS)):
        source = topic.removesuffix(".dlq")
        assert source in topics() or not source.startswith("social.")
