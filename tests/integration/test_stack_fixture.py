"""The stack that other tests are given."""

import redis as client

from streams.app.settings import Settings
from streams.app.stack import local_stack


def test_every_server_of_the_given_stack_is_ready(stack: Settings) -> None:
    servers = [row for row in local_stack(stack).status() if row.kind == "server"]
    assert {row.name: row.state for row in servers} == dict.fromkeys(
        ("kafka", "registry", "cassandra", "redis", "postgres", "connect"), "ready"
    )


def test_redis_keeps_no_append_only_file_and_has_a_limit(stack: Settings) -> None:
    with client.Redis(host=stack.host, port=stack.ports.redis) as redis:
        found = redis.config_get("*")
    assert found["appendonly"] == "no"
    assert found["save"] == ""
    assert int(found["maxmemory"]) > 0
    assert found["maxmemory-policy"] == "volatile-lfu"
