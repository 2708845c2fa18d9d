"""The program in docs/concepts/runtime.md does what the page says."""

import json
import re
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from streams.app.settings import Settings
from streams.kafka.consumer_groups import Progress
from streams.runtime.monitoring.counters import TopicCounters, read_counters
from tests.support.local_stack import free_ports
from tests.support.workers import wait_until

PAGE = Path(__file__).parents[2] / "docs" / "concepts" / "runtime.md"

pytestmark = pytest.mark.stack


def test_the_example_runs(stack: Settings, tmp_path: Path) -> None:
    (program,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (tmp_path / "example.py").write_text(program)
    topic = f"test.example.{time.time_ns()}"
    admin = AdminClient({"bootstrap.servers": stack.bootstrap, "log_level": 0})
    topics = [NewTopic(name, 1, 1) for name in (topic, f"{topic}.dlq")]
    for answer in admin.create_topics(topics).values():
        answer.result(30)
    progress = Progress(stack.bootstrap)
    producer = Producer({"bootstrap.servers": stack.bootstrap, "enable.idempotence": True})
    for value in (b"1", b"2", b"many", b"3"):
        producer.produce(topic, key=b"k", value=value)
    assert producer.flush(30) == 0
    (port,) = free_ports(1)
    arguments = [stack.bootstrap, topic, str(tmp_path / "store"), str(port)]
    # Under another name than its own, which the standard library has, too.
    process = subprocess.Popen([sys.executable, str(tmp_path / "example.py"), *arguments])
    try:
        wait_until(lambda: progress.lag({"numbers": [topic]})[0].committed == 4, what="a commit")
        with sqlite3.connect(tmp_path / "store") as store:
            rows = store.execute("SELECT position, key, number FROM numbers").fetchall()
        assert sorted(rows) == [(0, b"k", 1), (1, b"k", 2), (3, b"k", 3)]
        assert progress.sizes([f"{topic}.dlq"]) == {f"{topic}.dlq": 1}
        assert read_counters(_get(port, "metrics"))[topic] == TopicCounters(
            4, 3, 0, {"no_number": 1}
        )
        assert json.loads(_get(port, "healthz"))["status"] == "ok"
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()


def _get(port: int, path: str) -> str:
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/{path}", timeout=10) as answer:
        text: str = answer.read().decode()
    return text
