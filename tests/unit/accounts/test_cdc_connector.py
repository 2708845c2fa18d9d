"""The connector's configuration, as a function of where things are."""

import re

from pydantic import SecretStr

from streams.accounts.connector import Capture, connector_config, side_topic_config, topic_config
from streams.accounts.database import Server
from streams.app.accounts.change_stream import capture
from streams.app.settings import AccountsSettings, Hosts, Settings
from streams.app.stack import environment
from streams.contracts.catalog import captured_topics
from streams.contracts.tables import UNAVAILABLE, USER
from tests.support.accounts import SECRET_COLUMNS

SERVER = Server("db", 5432, "people", "reader", "secret")
CAPTURE = Capture(SERVER, "http://registry:8080/apis/registry/v2")


def test_it_says_whom_to_read_and_as_whom() -> None:
    config = connector_config(CAPTURE)
    assert config["database.hostname"] == "db"
    assert config["database.port"] == "5432"
    assert config["database.dbname"] == "people"
    assert (config["database.user"], config["database.password"]) == ("reader", "secret")
    assert config["slot.name"] == "people_cdc"
    assert config["topic.prefix"] == CAPTURE.name == "people"


def matched(column: str, table: str = "public.users") -> bool:
    """Whether Debezium would capture a column: its expressions match whole names in any case."""
    patterns = connector_config(CAPTURE)["column.include.list"].split(",")
    return any(
        re.fullmatch(pattern.replace("(?-i:", "(?:"), f"{table}.{column}") for pattern in patterns
    )


def test_exactly_the_columns_of_the_lake_are_captured() -> None:
    config = connector_config(CAPTURE)
    assert "column.exclude.list" not in config
    assert all(matched(column.name) for column in USER)
    assert len(config["column.include.list"].split(",")) == len(USER) == 11
    for column in (*SECRET_COLUMNS, "interests", "Handle", "handle2", "xhandle", "handle.x"):
        assert not matched(column), column
    assert not matched("handle", "public_users")


def test_a_name_in_another_case_is_another_name() -> None:
    """Debezium compiles its lists case-insensitively; each expression takes that back."""
    config = connector_config(CAPTURE)
    for pattern in (*config["column.include.list"].split(","), config["table.include.list"]):
        assert pattern.startswith("(?-i:")


def test_the_key_is_the_account_whatever_the_primary_key_is() -> None:
    assert connector_config(CAPTURE)["message.key.columns"] == "public[.]users:user_id"


def test_the_placeholder_of_an_unsent_text_can_be_no_name() -> None:
    placeholder = connector_config(CAPTURE)["unavailable.value.placeholder"]
    assert placeholder == UNAVAILABLE
    assert "\0" in placeholder, "PostgreSQL stores no zero byte in a text"


def test_both_converters_register_in_the_same_registry() -> None:
    config = connector_config(CAPTURE)
    for part in ("key", "value"):
        assert config[f"{part}.converter"].endswith(".AvroConverter")
        assert config[f"{part}.converter.apicurio.registry.url"] == CAPTURE.registry_url
        assert config[f"{part}.converter.apicurio.registry.use-id"] == "contentId"
        assert config[f"{part}.converter.apicurio.registry.as-confluent"] == "true"


def test_deletes_truncates_and_exactly_once_are_asked_for() -> None:
    config = connector_config(CAPTURE)
    assert config["exactly.once.support"] == "required"
    assert config["tombstones.on.delete"] == "true"
    assert config["skipped.operations"] == "none"


def test_every_value_is_text_as_connect_stores_it() -> None:
    assert all(isinstance(value, str) for value in connector_config(CAPTURE).values())


def test_connect_would_make_the_topics_as_they_are_made_before_it() -> None:
    config = connector_config(CAPTURE)
    for key, value in topic_config().items():
        assert config[f"topic.creation.default.{key}"] == value
    for key, value in side_topic_config().items():
        assert config[f"topic.creation.side.{key}"] == value


def test_the_topic_of_changes_is_the_one_that_the_catalogue_describes() -> None:
    told = capture(Settings(accounts=AccountsSettings()))
    spec = captured_topics()[told.topic]
    config = connector_config(told)
    assert spec.config == topic_config()
    assert str(spec.partitions) == config["topic.creation.default.partitions"]


def test_the_settings_name_its_servers() -> None:
    told = capture(
        Settings(
            hosts=Hosts(postgres="db", registry="names"),
            accounts=AccountsSettings(database="people", cdc_user="reader"),
        )
    )
    assert (told.source.host, told.source.database, told.source.user) == ("db", "people", "reader")
    assert told.registry_url == f"http://names:{Settings().ports.registry}/apis/registry/v2"
    assert told.topic == "people.public.users"


def test_passwords_reach_our_own_processes_and_no_message() -> None:
    accounts = AccountsSettings(password=SecretStr("hidden-1"), cdc_password=SecretStr("hidden-2"))
    settings = Settings(accounts=accounts)
    given = environment(settings)
    names = ("STORYLINE_ACCOUNTS__PASSWORD", "STORYLINE_ACCOUNTS__CDC_PASSWORD")
    assert [given[name] for name in names] == ["hidden-1", "hidden-2"]
    assert "hidden-2" in connector_config(capture(settings)).values()
    assert "hidden" not in f"{settings!r} {capture(settings)!r}"
