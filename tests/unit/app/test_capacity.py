"""Planning: the figures are those that were measured, and add up."""

import re
from pathlib import Path

import orjson
import pytest
from typer.testing import CliRunner

from streams.app import capacity
from streams.app.capacity import NetworkSize, memory, parts, policies
from streams.cli.feeds.plan import app

NETWORK = NetworkSize(1_000_000, 0.2, 200, 0.5, 0.2, 800, 1)
BENCHMARKS = Path(__file__).parents[3] / "docs/benchmarks.md"


def test_a_million_users() -> None:
    sizes = {part.kind: part.bytes for part in parts(NETWORK)}
    assert sizes["timelines"] == 200_000 * (800 * 14.2 + 8 * 200)
    assert sizes["relations"] == 200_000 * (142 + 8 * 200)
    assert sizes["posts of a day"] == 500_000 * 382
    assert sizes["tallies of a day's posts"] == 500_000 * (4 * 135 + 8 * 40)
    assert 1_000_000 * 40 * 17.1 < sizes["delivery lists"] < 1_000_000 * 40 * 46.8
    assert memory(NETWORK) == sum(sizes.values())


def test_replicas_multiply_and_a_larger_network_takes_as_much_more() -> None:
    assert memory(NETWORK._replace(replicas=3)) == 3 * memory(NETWORK)
    assert memory(NETWORK._replace(users=7_000_000)) == pytest.approx(7 * memory(NETWORK))


def test_policies_differ_in_what_they_are_about() -> None:
    found = {policy.policy: policy for policy in policies(NETWORK)}
    warm, everybody = found["push to warm readers"], found["push to everybody"]
    assert warm.bytes == memory(NETWORK)
    assert warm.deliveries_per_s == pytest.approx(500_000 * 40 / 86_400)
    assert everybody.deliveries_per_s == pytest.approx(5 * warm.deliveries_per_s)
    assert everybody.bytes > warm.bytes > found["timelines of 400"].bytes
    assert found["pull everything"].bytes < found["timelines of 200"].bytes
    assert (found["pull everything"].deliveries_per_s, found["pull everything"].cpus) == (0, 0)
    assert "timelines of 400" not in {p.policy for p in policies(NETWORK._replace(length=400))}


def test_tallies_of_many_views_do_not_carry_who_viewed() -> None:
    many = {part.kind: part.bytes for part in parts(NETWORK._replace(following=5_000))}
    assert many["tallies of a day's posts"] == 500_000 * 4 * 135


def test_nobody_reads_or_follows() -> None:
    assert memory(NETWORK._replace(warm=0.0, posts=0.0, stories=0.0, following=0)) > 0


@pytest.mark.parametrize(
    ("row", "figures"),
    [
        (r"800 \| [\d.]+ \| ([\d.]+)", (capacity._ENTRY,)),
        (r"10 \| ([\d.]+)", (capacity._LISTED[0][1],)),
        (r"1,000 \| ([\d.]+)", (capacity._LISTED[2][1],)),
        (r"a post of 140 characters with a tag \| (\d+)", (capacity._POST,)),
        (r"a count \| (\d+)", (capacity._COUNT_BYTES,)),
    ],
)
def test_what_it_counts_with_is_what_was_measured(row: str, figures: tuple[float, ...]) -> None:
    text = BENCHMARKS.read_text(encoding="utf-8")
    text = text[text.index("## Memory of warm readers") :]
    found = re.search(rf"^\| {row}", text, re.MULTILINE)
    assert found is not None
    assert tuple(map(float, found.groups())) == figures


def test_the_command_tells_tables_and_json() -> None:
    told = CliRunner().invoke(app, ["--users", "1000000", "--replicas", "2"])
    assert told.exit_code == 0
    assert "GiB in all, 2 times" in told.output
    assert "push to warm readers" in told.output
    as_json = CliRunner().invoke(app, ["--users", "1000000", "--json"])
    found = orjson.loads(as_json.output)
    assert found["bytes"] == pytest.approx(memory(NETWORK))
    assert {part["kind"] for part in found["parts"]} == {part.kind for part in parts(NETWORK)}
    assert CliRunner().invoke(app, ["--users", "0"]).exit_code == 2
