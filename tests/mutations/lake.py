"""Bugs of the lake: its jobs, their failures, rebuilds, paths, and questions."""

from tests.mutations.mutation import Mutation

_UNIT = ("tests/unit/app/test_lake_rebuild.py",)
_CALENDAR = ("tests/unit/jobs/test_calendar.py",)
_RUN = ("tests/integration/test_lake_failures.py",)

LAKE = (
    Mutation(
        "int96-again",
        "one event of year 1500 is another instant in Polars and makes delta-rs refuse the table",
        "jobs/session.py",
        '"spark.sql.parquet.outputTimestampType": "TIMESTAMP_MICROS"',
        '"spark.sql.parquet.outputTimestampType": "INT96"',
        ("tests/unit/lakehouse/test_lakehouse_readers.py",),
        stack=True,
    ),
    Mutation(
        "repeated-header-lost",
        "a quarantined record that is sent again has one header of each name",
        "_quarantine_rows",
        "for name, value in record.headers]",
        "for name, value in dict(record.headers).items()]",
        ("tests/unit/sinks/test_lake_landing.py",),
    ),
    Mutation(
        "calendar-without-bound",
        "days of 1999 or 2100 that no fact has get rows, and each run looks for missing days again",
        "_years",
        "return max(first, FIRST), min(last, LAST)",
        "return first, last",
        _CALENDAR,
        stack=True,
    ),
    Mutation(
        "far-days-not-set-aside",
        "one event of year 1 ends each run of the calendar's job",
        "extend",
        "    if not are_inside:\n        spans =",
        "    if False:\n        spans =",
        _CALENDAR,
        stack=True,
    ),
    Mutation(
        "first-failure-ends-the-round",
        "one deleted row of bronze keeps every later job from running",
        "catch_up",
        "            listener.failed(failures[-1])",
        "            listener.failed(failures[-1])\n            raise",
        _RUN,
        stack=True,
    ),
    Mutation(
        "wrapper-taken-for-the-cause",
        "each failure reads STREAM_FAILED or TASK_WRITE_FAILED and has no advice",
        "jobs/failures.py",
        "if named and named[1] not in _WRAPPERS:",
        "if named:",
        _UNIT,
    ),
    Mutation(
        "rebuild-of-users-keeps-facts",
        "facts name versions and inferred users that dim_users does not have any more",
        "rebuild_of",
        'chosen |= {*users, "restatement", "fact_engagement", "fact_follows"}',
        'chosen |= {*users, "restatement"}',
        _UNIT,
    ),
    Mutation(
        "rebuild-keeps-the-tables",
        "what was deleted from bronze stays in the star",
        "finish_removal",
        'for folder in (*folders, *(lake / table for table in begun["tables"])):',
        "for folder in folders:",
        _UNIT,
    ),
    Mutation(
        "lost-table-made-empty",
        "a deleted table of facts comes back empty, without a word",
        "deleted_tables",
        "            if any(commits.glob",
        "            if not any(commits.glob",
        _UNIT,
    ),
    Mutation(
        "failure-began-just-now",
        "a job that has failed for weeks looks as if it had failed in the last round only",
        "FailureLog.failed",
        "known.since if known else now",
        "now",
        _UNIT,
    ),
    Mutation(
        "every-table-must-open",
        "one damaged table keeps every question from being answered",
        "answered_sql",
        "lake, _limits(settings), needed, optional=others",
        "lake, _limits(settings), tables",
        ("tests/unit/lakehouse/test_lakehouse_duck.py",),
    ),
    Mutation(
        "percent-in-a-lake",
        "delta-rs writes to one folder and reads another",
        "streams/stack/paths.py",
        '    "%": "Delta\'s readers decode what follows it",\n',
        "",
        ("tests/unit/stack/test_stack_checks.py",),
    ),
)
