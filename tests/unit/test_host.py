"""Platform checks are in the few modules that are for them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import psutil

import jobs
import streams
from streams import host

PLATFORM_MODULES = {
    "streams/host.py",
    "streams/stack/artifacts/jars.py",
    "streams/stack/supervision/exec_under_lock.py",
}
ASKS = re.compile(r"sys\.platform|platform\.(system|machine)|os\.uname|[\"']/proc")


def test_only_platform_modules_ask_for_the_platform() -> None:
    asking = set()
    for package in (streams, jobs):
        folder = Path(str(package.__file__)).parent
        for path in folder.rglob("*.py"):
            if ASKS.search(path.read_text("utf-8")):
                asking.add(path.relative_to(folder.parent).as_posix())
    assert asking == PLATFORM_MODULES


def test_locale_exists_and_has_utf_8() -> None:
    script = "import locale; locale.setlocale(locale.LC_ALL, ''); print(locale.getencoding())"
    environment = {"LC_ALL": host.UTF8_LOCALE}
    printed = subprocess.check_output(
        [sys.executable, "-c", script], env=os.environ | environment, text=True
    )
    assert printed.strip() == "UTF-8"


def test_memory_of_this_process_is_plausible() -> None:
    resident = psutil.Process().memory_info().rss
    assert 0 < host.proportional_bytes(psutil.Process()) <= 2 * resident
    assert host.peak_mebibytes() >= resident // (2 << 20)
