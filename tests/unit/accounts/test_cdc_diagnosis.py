"""Stack traces, as Connect showed them (shortened), and what is made of them."""

import pytest

from streams.accounts.diagnosis import diagnosed

AT = "\tat org.apache.kafka.connect.runtime.WorkerTask.run(WorkerTask.java:298)\n"
TOLERANCE = (
    "org.apache.kafka.connect.errors.ConnectException: Tolerance exceeded in error handler\n" + AT
)
INCOMPATIBLE = (
    TOLERANCE
    + "Caused by: io.apicurio.registry.rest.client.exception.RuleViolationException: Incompatible "
    "artifact: accounts.public.users-value [AVRO], num of incompatible diffs: {4}, list of diff "
    "types: [reader union lacking writer type: RECORD at /fields/1/type/1]\n" + AT + "\t... 13 more"
)
REFUSED = (
    TOLERANCE
    + "Caused by: java.io.UncheckedIOException: java.net.ConnectException\n"
    + AT
    + "Caused by: java.net.ConnectException: Connection refused\n"
    + AT
)
LOST = (
    "org.apache.kafka.connect.errors.ConnectException: The connector stopped\n"
    "Caused by: org.postgresql.util.PSQLException: ERROR: can no longer get changes from "
    'replication slot "accounts_cdc"\n  Detail: This slot has been invalidated because it exceeded '
    "the maximum reserved size.\n" + AT
)


def test_the_innermost_cause_is_told_without_the_list_of_differences() -> None:
    cause, advice = diagnosed(INCOMPATIBLE)
    assert cause == (
        "RuleViolationException: Incompatible artifact: accounts.public.users-value [AVRO]"
    )
    assert "undo the change of the table" in advice
    assert "storyline cdc restart" in advice


def test_a_server_that_is_away_is_waited_for() -> None:
    cause, advice = diagnosed(REFUSED)
    assert cause == "ConnectException: Connection refused"
    assert "a server does not answer" in advice


def test_a_lost_slot_asks_for_a_new_beginning() -> None:
    cause, advice = diagnosed(LOST)
    assert cause.startswith("PSQLException: ERROR: can no longer get changes")
    assert "storyline cdc drop" in advice


def test_columns_that_differ_by_case_need_a_new_beginning() -> None:
    """Restarting does not help: the changes in between were written with both columns."""
    cause, advice = diagnosed(
        "org.apache.kafka.connect.errors.ConnectException: An exception occurred\n" + AT + "Caused "
        "by: io.debezium.DebeziumException: Table 'public.users' has columns that differ only by "
        "case. Column name: 'Handle'.\n" + AT
    )
    assert cause.startswith("DebeziumException: Table 'public.users' has columns that differ")
    assert "rename or drop the column" in advice
    assert "storyline cdc drop" in advice


def test_another_failure_leads_to_the_log() -> None:
    cause, advice = diagnosed("java.lang.OutOfMemoryError: Java heap space\n" + AT)
    assert cause == "OutOfMemoryError: Java heap space"
    assert "storyline logs connect" in advice


@pytest.mark.parametrize("trace", ["", "\n", "no exception at all", "x" * 10_000])
def test_any_text_gives_one_line_of_bounded_length(trace: str) -> None:
    cause, advice = diagnosed(trace)
    assert cause
    assert advice
    assert len(cause) <= 300
    assert "\n" not in cause
