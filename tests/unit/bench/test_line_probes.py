"""Probes of the benchmark of the whole line, without servers."""

import json
import os
from collections.abc import Collection
from pathlib import Path

import pytest

from bench.line_probes import Author, Commits, Watched, transactions
from streams.contracts.bronze import bronze_table
from streams.contracts.catalog import topic_of
from streams.contracts.events import Event, UserFollowed
from streams.producer import Ack

TOPIC = topic_of("PostCreated").name


def view(shown: Collection[int]) -> Watched:
    def make() -> tuple[Event, int]:
        return UserFollowed(event_id=1, occurred_at=1, follower_id=1, followee_id=2), 1

    return Watched("feed", b"key", make, lambda marks: set(shown).intersection(marks))


def test_probes_are_noted_once_they_are_visible() -> None:
    watched = view({1, 3})
    watched.waiting |= {1: 10.0, 2: 11.0, 3: 12.0}
    watched.counted |= {1, 2}
    watched.look(lambda: 12.5)
    assert watched.latencies == [2.5]
    assert watched.waiting == {2: 11.0}


def test_probes_that_nobody_has_seen_count_as_seen_at_the_end() -> None:
    watched = view(())
    watched.waiting |= {1: 10.0, 2: 11.0}
    watched.counted.add(2)
    watched.look(lambda: 12.0)
    assert watched.give_up(15.0) == 1
    assert watched.latencies == [4.0]
    assert not watched.waiting


def test_view_is_not_read_while_nothing_is_waited_for() -> None:
    def visible(_: Collection[int]) -> Collection[int]:
        raise AssertionError

    watched = view(())
    watched.visible = visible
    watched.look()


def test_name_of_a_feed_says_how_many_follow_and_whether_posts_are_pulled() -> None:
    assert Author(1, 2, 10_000).view == "feed, 10,000 followers"
    assert Author(1, 2, 1_000_000, pulled=True).view == "feed, 1,000,000 followers (pulled)"


def commit(log: Path, version: int, at: float, last: dict[int, int]) -> None:
    actions = [{"commitInfo": {"timestamp": 1}}] + [
        {"txn": {"appId": f"storyline/{TOPIC}/{partition}", "version": offset}}
        for partition, offset in last.items()
    ]
    path = log / f"{version:020}.json"
    path.write_text("\n".join(map(json.dumps, actions)))
    os.utime(path, (at, at))


def test_record_is_in_bronze_since_the_first_commit_that_took_its_offset(tmp_path: Path) -> None:
    log = tmp_path / bronze_table(TOPIC).name / "_delta_log"
    log.mkdir(parents=True)
    commit(log, 0, 100, {})
    commit(log, 1, 110, {0: 9, 1: 4})
    commit(log, 2, 120, {1: 8})
    commit(log, 3, 130, {0: 20})
    commits = Commits(tmp_path)
    assert commits.time_of(Ack(TOPIC, 0, 9)) == 110
    assert commits.time_of(Ack(TOPIC, 0, 10)) == 130
    assert commits.time_of(Ack(TOPIC, 1, 5)) == 120
    with pytest.raises(LookupError):
        commits.time_of(Ack(TOPIC, 1, 9))


def test_other_actions_of_a_commit_are_left_out() -> None:
    lines = ['{"add": {"path": "a"}}', '{"txn": {"appId": "x/0", "version": 3}}']
    assert transactions("\n".join(lines)) == {"x/0": 3}
