"""What a planned change of `users` does to its capture, judged by the table before and after."""

import json
from typing import Any

import pytest
from typer.testing import CliRunner

from streams.accounts.capture_schema import changed_schema
from streams.accounts.ddl_trial import ColumnFacts, DdlFinding, TableFacts, judge
from streams.app.accounts import change_stream
from streams.cli.accounts.cdc import HARMED, app
from tests.support.messages import produces, shown
from tests.unit.contracts.test_cdc_changes import envelope_schema

TYPES = {
    "user_id": "int8",
    "handle": "text",
    "display_name": "text",
    "email": "text",
    "country": "text",
    "is_private": "bool",
    "account_type": "text",
    "verified": "bool",
    "audience_tier": "text",
    "follower_count": "int8",
    "created_at": "timestamptz",
    "updated_at": "timestamptz",
}


def table(columns: dict[str, Any] | None = None, **changed: Any) -> TableFacts:
    """The table as the migrations make it, but for what is given; a column None is dropped."""
    facts = {name: ColumnFacts(kind, True, False, True) for name, kind in TYPES.items()}
    facts |= columns or {}
    usual: dict[str, Any] = {
        "name": "users",
        "is_moved": False,
        "is_logged": True,
        "identity": "f",
        "has_row_security": False,
        "has_primary_key": True,
        "columns": {name: one for name, one in facts.items() if one is not None},
    }
    return TableFacts(**usual | changed)


def column(kind: str = "text", **changed: bool) -> ColumnFacts:
    usual = {"not_null": True, "has_default": False, "is_readable": True}
    return ColumnFacts(kind, **usual | changed)


BEFORE = table()


def harm(found: list[DdlFinding]) -> list[str]:
    return [one.what for one in found if one.harm]


@pytest.mark.parametrize(
    "after",
    [
        BEFORE,
        table({"interests": column("_text", has_default=True)}),
        table({"karma": column("numeric"), "body": column("bytea"), "Handles": column("inet")}),
        table({"country": column(not_null=False)}),
        table({"handle": column("varchar"), "country": column("bpchar")}),
        table({"display_name": column("citext")}),
        table(identity="d"),
        table(has_primary_key=False),
        table({"email": None}),
    ],
)
def test_what_nobody_captures_or_all_can_read_does_no_harm(after: TableFacts) -> None:
    assert harm(judge(BEFORE, after)) == []


@pytest.mark.parametrize(
    ("after", "what"),
    [
        (None, "users is dropped"),
        (table(name="people"), "users is renamed or moved"),
        (table(is_moved=True), "users is renamed or moved"),
        (table(is_logged=False), "users becomes UNLOGGED"),
        (table(has_row_security=True), "row security is enabled"),
        (table(identity="n"), "REPLICA IDENTITY NOTHING"),
        (
            table(identity="d", has_primary_key=False),
            "REPLICA IDENTITY DEFAULT without a primary key",
        ),
        (table({"verified": None}), "verified is dropped or renamed"),
        (table({"follower_count": column("int4")}), "follower_count becomes int4"),
        (table({"follower_count": column("numeric")}), "follower_count becomes numeric"),
        (table({"created_at": column("timestamp")}), "created_at becomes timestamp"),
        (table({"is_private": column("text")}), "is_private becomes text"),
        (
            table({"country": column(is_readable=False), "email": column(is_readable=False)}),
            "the connector may not read country",
        ),
        (table({"Handle": column()}), "columns handle and Handle differ only by case"),
        (table({"bio": column(), "Bio": column()}), "columns bio and Bio differ only by case"),
    ],
)
def test_what_stops_or_falsifies_the_stream_is_harm_with_advice(
    after: TableFacts | None, what: str
) -> None:
    found = judge(BEFORE, after)
    assert harm(found) == [what]
    assert found[0].advice
    assert found[0].harm, "harm comes first"


@produces("does NOT survive it")
def test_check_says_that_a_change_stops_the_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    found = judge(BEFORE, table({"verified": None}))
    monkeypatch.setattr(change_stream, "check_ddl", lambda *_: found)
    ended = CliRunner().invoke(app, ["check", "ALTER TABLE users DROP verified"])
    assert ended.exit_code == HARMED
    verdict, harmed = shown(ended.output).splitlines()
    assert verdict == "the change stream does NOT survive it"
    assert harmed.startswith("  harm  verified is dropped or renamed: ")


def test_row_security_that_is_there_already_is_not_held_against_a_change() -> None:
    secured = table(has_row_security=True)
    assert harm(judge(secured, secured)) == []


def test_the_schema_after_a_change_has_the_captured_columns_alone() -> None:
    """In the table's order; what did not change stays as it was registered."""
    registered = envelope_schema()
    after = table(
        {
            "verified": None,
            "country": column(not_null=False),
            "is_private": column("bool", not_null=True, has_default=True),
            "interests": column("_text"),
        }
    )
    was = {field["name"]: field for field in row_fields(registered)}
    fields = {
        field["name"]: field for field in row_fields(changed_schema(registered, BEFORE, after))
    }
    assert list(fields) == [name for name in was if name != "verified"]
    assert fields.pop("country") == {"name": "country", "type": ["null", "string"], "default": None}
    assert fields == {name: was[name] for name in fields}
    assert json.dumps(registered) == json.dumps(envelope_schema()), "the given schema is untouched"


def test_a_captured_column_that_comes_back_is_announced_as_debezium_does() -> None:
    registered = envelope_schema()
    dropped = table({"verified": None, "created_at": None})
    again = table({"verified": column("bool", has_default=True)})
    fields = {
        field["name"]: field for field in row_fields(changed_schema(registered, dropped, again))
    }
    assert fields["verified"] == {"name": "verified", "type": "boolean", "default": False}
    assert "default" not in fields["created_at"]
    assert fields["created_at"]["type"]["connect.name"] == "io.debezium.time.ZonedTimestamp"


def row_fields(schema: Any) -> list[dict[str, Any]]:
    fields: list[dict[str, Any]] = schema["fields"][0]["type"][1]["fields"]
    return fields


def test_findings_name_every_column_that_changed() -> None:
    after = table({"handle": None, "display_name": None, "karma": column("numeric")})
    assert judge(BEFORE, after) == [
        DdlFinding(
            True,
            f"{name} is dropped or renamed",
            "it is null in the lake from then on, and Storyline's own writes of accounts fail; "
            "keep the column",
        )
        for name in ("handle", "display_name")
    ] + [DdlFinding(False, "karma is not captured, so its type does not matter")]


def test_column_of_the_lake_that_is_added_does_no_harm() -> None:
    found = judge(table({"country": None}), BEFORE)
    assert found == [DdlFinding(False, "country is captured from the next change on")]
