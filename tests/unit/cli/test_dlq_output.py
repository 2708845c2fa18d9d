"""What people are told of dead letters: whole positions, and no bytes that steer a terminal."""

import pytest

from streams.cli.dlq.output import dead_letter_json, print_dead_letters, print_details, summary
from streams.dlq.model import DeadLetter, DeadLetterCopy, DeadLetterId, DeadLetterState, Decision
from streams.record import RecordPosition

TOPIC = "social.comments.v1"
DLQ = f"{TOPIC}.dlq"


def dead_letter(
    offset: int, message: str = "too short", state: DeadLetterState = DeadLetterState.OPEN
) -> DeadLetter:
    origin = RecordPosition(TOPIC, 3, offset)
    copy = DeadLetterCopy(
        RecordPosition(DLQ, 3, offset), origin, 1_600_000_000_000, 1, "unknown_schema", message
    )
    made = DeadLetter(
        DeadLetterId(origin, "storyline-v1-engagement", "aa"), 1_600_000_000_000, [copy]
    )
    if state is not DeadLetterState.OPEN:
        made.decisions.append(
            Decision(str(made.id), state, made.failures, "known", 1_700_000_000_000)
        )
    return made


def test_lines_hold_whole_positions_and_say_what_is_left_out(
    capsys: pytest.CaptureFixture[str],
) -> None:
    dead_letters = [dead_letter(offset) for offset in range(12_345, 12_348)]
    print_dead_letters([*dead_letters, dead_letter(1, state=DeadLetterState.DISCARDED)], limit=3)
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == [TOPIC, "unknown_schema", "storyline-v1-engagement", *"4301"]
    assert [line.split()[0] for line in lines[4:7]] == [
        f"{DLQ}:3:{offset}" for offset in range(12_345, 12_348)
    ]
    assert lines[7].startswith("1 dead letter more")


def test_no_dead_letters_print_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_dead_letters([], limit=3)
    assert capsys.readouterr().out == "no dead letters\n"


def test_nothing_of_a_record_steers_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    evil = "a\x1b[2J\nb"
    bad = dead_letter(1, evil)
    print_dead_letters([bad], limit=1)
    shown = {
        "key": evil,
        "value_base64": None,
        "dead_letter": {"stage": "VALUE_CONVERTER"},
        "headers": [{"name": evil, "value": "x"}, {"name": "trace", "value_base64": "/wA="}],
        "letter": dead_letter_json(bad),
    }
    print_details(bad.latest.position, shown)
    told = capsys.readouterr().out
    assert "\x1b" not in told
    assert told.count("a\\x1b[2J\\nb") == 4
    assert "trace: /wA= (base64)" in told


def test_decision_is_printed_with_its_reason_and_time() -> None:
    told = dead_letter_json(dead_letter(7, state=DeadLetterState.DISCARDED))
    assert told["state"] == "discarded"
    assert told["actions"] == [
        {"action": "discarded", "at": "2023-11-14T22:13:20.000Z", "why": "known"}
    ]
    assert summary([dead_letter(7), dead_letter(8)])[0]["open"] == 2
