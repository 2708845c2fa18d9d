"""When a failed task is restarted, and when it is left to a person."""

from itertools import pairwise

from streams.accounts.restart_policy import RestartPolicy, RestartVerdict

NOTHING, RESTART, GIVE_UP = RestartVerdict.NOTHING, RestartVerdict.RESTART, RestartVerdict.GIVE_UP


def failing(policy: RestartPolicy, until: int) -> list[tuple[float, RestartVerdict]]:
    """What is said of a task that fails right after every restart, looked at each second."""
    said = []
    for now in range(until):
        verdict = policy.judge(float(now), failed=True, running=False)
        if verdict is not NOTHING:
            said.append((float(now), verdict))
        if verdict is RESTART:
            policy.restarted()
    return said


def test_pauses_double_and_the_end_is_told_once() -> None:
    said = failing(RestartPolicy(limit=4, first_s=1, longest_s=5), 200)
    assert [verdict for _, verdict in said] == [RESTART] * 4 + [GIVE_UP]
    times = [now for now, _ in said[:4]]
    assert [later - sooner for sooner, later in pairwise(times)] == [3, 5, 6]


def test_a_verdict_that_was_not_followed_is_given_again() -> None:
    policy = RestartPolicy(limit=1, first_s=1)
    assert policy.judge(0, failed=True, running=False) is NOTHING
    for now in (1.0, 2.0, 3.0):
        assert policy.judge(now, failed=True, running=False) is RESTART
    assert policy.tries == 0


def test_a_moment_of_health_does_not_end_a_row_of_tries() -> None:
    policy = RestartPolicy(limit=3, first_s=0, settled_s=30)
    for now in range(3):
        assert policy.judge(10.0 * now, failed=True, running=False) is RESTART
        policy.restarted()
        assert policy.judge(10.0 * now + 1, failed=False, running=True) is NOTHING
    assert policy.judge(40, failed=True, running=False) is GIVE_UP


def test_lasting_health_ends_a_row_of_tries() -> None:
    policy = RestartPolicy(limit=3, first_s=0, settled_s=30)
    assert policy.judge(0, failed=True, running=False) is RESTART
    policy.restarted()
    policy.judge(1, failed=False, running=True)
    assert policy.tries == 1
    policy.judge(31, failed=False, running=True)
    assert policy.tries == 0


def test_whoever_helps_after_it_was_given_up_gives_it_new_tries() -> None:
    policy = RestartPolicy(limit=1, first_s=0)
    failing(policy, 5)
    assert policy.gave_up
    assert policy.judge(10, failed=False, running=True) is NOTHING
    assert not policy.gave_up
    assert policy.judge(11, failed=True, running=False) is RESTART


def test_what_neither_runs_nor_failed_is_left_alone() -> None:
    """Paused, stopped, or being handed to another process."""
    policy = RestartPolicy(limit=1, first_s=0)
    assert policy.judge(0, failed=False, running=False) is NOTHING


def test_with_no_tries_allowed_a_failure_is_told_at_once() -> None:
    assert failing(RestartPolicy(limit=0), 3) == [(0.0, GIVE_UP)]
