"""A change stream of a test's own, and waiting for what it captures."""

import random
import time
from collections.abc import Iterator
from contextlib import contextmanager

from confluent_kafka.admin import AdminClient
from psycopg import sql

from streams.accounts.database import connect
from streams.app.accounts import change_stream
from streams.app.accounts.database import accounts_server, migrate_accounts
from streams.app.settings import AccountsSettings, Settings
from streams.errors import UserError
from tests.support.captured import Change, changes, topics

WITHIN_S = 60.0


@contextmanager
def own_accounts(settings: Settings) -> Iterator[Settings]:
    """Settings of a migrated database that no other test uses, not captured yet.

    Database, connector and topics are removed at the end.
    """
    name = f"capture_{random.SystemRandom().getrandbits(32):x}"
    own = settings.model_copy(update={"accounts": AccountsSettings(database=name)})
    migrate_accounts(own, lambda _: None)
    try:
        yield own
    finally:
        with change_stream.change_stream(own) as stream:
            stream.drop()
        with connect(accounts_server(own).maintenance) as admin:
            drop = sql.SQL("DROP DATABASE IF EXISTS {} (FORCE)")
            admin.execute(drop.format(sql.Identifier(name)))
        captured = change_stream.capture(own)
        broker = AdminClient({"bootstrap.servers": own.bootstrap})
        made = {captured.topic, *captured.side_topics} & set(topics(own))
        for answer in broker.delete_topics([*made]).values() if made else ():
            answer.result(WITHIN_S)


def apply(settings: Settings) -> None:
    change_stream.apply(settings, lambda _: None)


def captured(settings: Settings, count: int, *, within_s: float = WITHIN_S) -> list[Change]:
    """All changes, once there are at least so many."""
    deadline = time.monotonic() + within_s
    while len(found := changes(settings)) < count:
        assert time.monotonic() < deadline, (count, found, standing(settings))
        time.sleep(0.1)
    return found


def standing(settings: Settings) -> object:
    """How the stream stands, for a failed test's message."""
    try:
        with change_stream.change_stream(settings) as stream:
            return stream.status()
    except UserError as error:
        return error.message
