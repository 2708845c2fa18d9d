"""The example producers: what is pinned, and what a lock file must not name."""

import json
import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.support.producer_programs import EXAMPLES, LANGUAGES, ROOT

_HOST = re.compile(r"https?://[\w.-]*(?:registry|index|proxy|static|repo|mirror)[\w.-]*\.\w+")
_SERVERS = {"127.0.0.1"}
_PAGE = ROOT / "docs" / "operations" / "producing.md"


def committed() -> list[Path]:
    """Return the files of the examples that git tracks or would track."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", str(EXAMPLES)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    return [ROOT / name for name in listed]


def test_no_file_names_package_registry() -> None:
    files = committed()
    assert {path.suffix for path in files} >= {".java", ".go", ".js", ".rs", ".json", ".xml"}
    for path in files:
        assert _HOST.findall(path.read_text(encoding="utf-8")) == [], path
        assert path.name != "Cargo.lock"


def test_node_packages_are_locked_by_digest() -> None:
    lock = json.loads((EXAMPLES / "node" / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages
    for name, entry in packages.items():
        assert entry["integrity"].startswith("sha512-"), name
        assert "resolved" not in entry, name


def test_rust_crates_have_exact_versions() -> None:
    manifest = tomllib.loads((EXAMPLES / "rust" / "Cargo.toml").read_text(encoding="utf-8"))
    for name, wanted in manifest["dependencies"].items():
        version = wanted if isinstance(wanted, str) else wanted["version"]
        assert re.fullmatch(r"=\d+\.\d+\.\d+", version), name


@pytest.mark.parametrize("language", LANGUAGES, ids=lambda language: language.name)
def test_page_shows_commands_that_tests_run(language: object) -> None:
    text = _PAGE.read_text(encoding="utf-8")
    for command in (*language.build, language.run):  # type: ignore[attr-defined]
        shown = [word for word in command if word not in {"-q", "-B"}]
        assert " ".join(shown) in text.replace("'", ""), language
