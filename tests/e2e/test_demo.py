"""The front door: the demonstration starts, shows and stops everything by itself."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from streams.app.stack import environment, local_stack
from streams.contracts.batch import ErrorCode
from tests.support.local_stack import own_settings

pytestmark = pytest.mark.stack


def test_the_demo_shows_the_line_and_leaves_nothing_running(tmp_path: Path) -> None:
    settings = own_settings(tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "streams.cli.main", "demo", "--users", "300", "--events", "5000"],
        env=os.environ | environment(settings),
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for told in ("the lag is zero", "home feed of", "story tray of", "viewers of", "warm feed"):
        assert told in done.stdout
    for code in set(ErrorCode) - {ErrorCode.STORE_REFUSED, ErrorCode.OPERATOR_REJECTED}:
        assert code in done.stdout
    assert " NO " not in done.stdout
    assert done.stdout.count(" yes ") >= 7 + 9, "each topic balances, among workers and in the lake"
    _, lake = done.stdout.split("One person's history")
    assert re.search(r" false +\n.* IS .* true +\n", lake), "a closed version and an open one"
    [summed], [asked] = re.findall(r"= ([\d,]+) facts", lake), re.findall(r"\n +(\d+) +\n", lake)
    assert int(summed.replace(",", "")) == int(asked) > 0
    demo = settings.model_copy(update={"home": tmp_path / "demo"})
    picture = (demo.home / "engagement-by-country.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert {program.state for program in local_stack(demo).status()} == {"stopped"}
