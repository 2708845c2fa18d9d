"""A small generated week in a form whose difference says what has changed.

The fixture holds, for every record type, how many events there are, the first of them, and a digest
of each field's values in order. After an intended change of the generator:

    python -m tests.support.generated_week
"""

import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

FIXTURE: Final = Path(__file__).with_suffix(".json")
OPTIONS: Final = ("generate", "--users=300", "--events=4000", "--duplicates=0.05")


def generated(*extra: str) -> bytes:
    """Return what `storyline generate` writes to standard output."""
    command = [sys.executable, "-m", "streams.cli.main", *OPTIONS, *extra]
    return subprocess.run(command, capture_output=True, check=True).stdout


def summary(lines: Iterable[bytes]) -> dict[str, Any]:
    """Return record type -> its events' number, first event, and field -> digest of its values.

    The key "order" has a digest of the record types in order; "bytes", the last key, one of all
    lines: it changes with anything, and alone if only the layout of the JSON text changes.
    """
    lines = list(lines)
    events = [json.loads(line) for line in lines]
    by_type: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for event in events:
        by_type[event["type"]].append(event)
    return {
        "order": _digest([event["type"] for event in events]),
        **{
            name: {
                "events": len(some),
                "first": some[0],
                "fields": {
                    field: _digest([event.get(field) for event in some])
                    for field in sorted({field for event in some for field in event} - {"type"})
                },
            }
            for name, some in sorted(by_type.items())
        },
        "bytes": sha256(b"\n".join(lines)).hexdigest()[:16],
    }


def _digest(values: list[Any]) -> str:
    return sha256(json.dumps(values).encode()).hexdigest()[:16]


if __name__ == "__main__":
    text = json.dumps(summary(generated().splitlines()), indent=1, ensure_ascii=False)
    FIXTURE.write_text(text + "\n", encoding="utf-8")
