"""What counts as one run of the connector, and as one row of tries to restart it."""

import pytest

from streams.accounts.restart_policy import RestartPolicy, RestartVerdict

RUNNING = {"failed": False, "running": True}
FAILED = {"failed": True, "running": False}


def test_runs_that_are_short_each_but_long_in_sum_do_not_end_a_row_of_tries() -> None:
    policy = RestartPolicy(limit=3, first_s=0, settled_s=30)
    said = []
    for minute in range(8):
        assert policy.judge(60.0 * minute, **RUNNING) is RestartVerdict.NOTHING
        assert policy.judge(60.0 * minute + 20, **RUNNING) is RestartVerdict.NOTHING
        verdict = policy.judge(60.0 * minute + 21, **FAILED)
        said.append(verdict)
        if verdict is RestartVerdict.RESTART:
            policy.restarted()
        elif verdict is RestartVerdict.GIVE_UP:
            break
    assert said == [RestartVerdict.RESTART] * 3 + [RestartVerdict.GIVE_UP]


@pytest.mark.parametrize(("ran_s", "tries"), [(29.9, 1), (30.0, 0), (31.0, 0)])
def test_row_of_tries_ends_once_the_connector_has_run_long_enough(ran_s: float, tries: int) -> None:
    policy = RestartPolicy(limit=3, first_s=0, settled_s=30)
    assert policy.judge(0, **FAILED) is RestartVerdict.RESTART
    policy.restarted()
    policy.judge(100, **RUNNING)
    policy.judge(100 + ran_s, **RUNNING)
    assert policy.tries == tries


def test_pause_before_a_try_starts_at_the_latest_failure() -> None:
    policy = RestartPolicy(limit=3, first_s=10)
    assert policy.judge(0, **FAILED) is RestartVerdict.NOTHING
    policy.judge(5, **RUNNING)
    assert policy.judge(12, **FAILED) is RestartVerdict.NOTHING, "10 s since the first failure"
    assert policy.judge(21.9, **FAILED) is RestartVerdict.NOTHING
    assert policy.judge(22, **FAILED) is RestartVerdict.RESTART


def test_pauses_double_up_to_the_longest() -> None:
    policy = RestartPolicy(limit=9, first_s=1, longest_s=60)
    pauses = []
    for _ in range(9):
        pauses.append(policy.pause_s)
        policy.restarted()
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_one_sight_of_a_running_connector_ends_giving_up() -> None:
    policy = RestartPolicy(limit=0)
    assert policy.judge(0, **FAILED) is RestartVerdict.GIVE_UP
    assert policy.judge(1, **FAILED) is RestartVerdict.NOTHING, "said once"
    policy.judge(2, **RUNNING)
    assert policy.judge(3, **FAILED) is RestartVerdict.GIVE_UP
