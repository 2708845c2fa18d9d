"""Builds and runs of the example producers in other languages, `examples/producers`."""

import fcntl
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[2]
EXAMPLES: Final = ROOT / "examples" / "producers"
SCHEMAS: Final = Path("avro") / "v1"

_BUILD_S: Final = 780
"""Rust compiles librdkafka: two minutes of processor time on a machine without its build cache."""
_RUN_S: Final = 60
_BUILT: Final = shutil.ignore_patterns("target", "node_modules", "Cargo.lock")

# What the four package clients print if no registry answers. Any other failure is the example's.
_UNREACHABLE: Final = re.compile(
    r"Could not transfer artifact|No plugin found for prefix|Connection refused"
    r"|Unknown host|dial tcp|no such host"
    r"|ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|ENETUNREACH|Could not resolve host"
    r"|Could not connect to server|Failed to connect to|network failure",
    re.IGNORECASE,
)
_TOO_OLD: Final = re.compile(
    r"go\.mod requires go >=|release version \d+ not supported|requires rustc"
    r"|feature `edition2024` is required"
)


@dataclass(frozen=True, slots=True)
class Language:
    """How the example of one language is built and run, as its documentation page shows it."""

    name: str
    tools: tuple[str, ...]
    """Executables that must be installed."""
    build: tuple[tuple[str, ...], ...]
    run: tuple[str, ...]
    registry_api: str = "/apis/ccompat/v7"
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ExampleProducer:
    """An example that is ready to run in `folder`."""

    language: Language
    folder: Path

    def publish(
        self, *args: str, bootstrap: str, registry: str, timeout_ms: int = 30_000, node: int = 0
    ) -> subprocess.CompletedProcess[str]:
        """Run the program. `registry` is the registry's address without a path."""
        settings = {
            "BOOTSTRAP_SERVERS": bootstrap,
            "SCHEMA_REGISTRY_URL": registry + self.language.registry_api,
            "ACK_TIMEOUT_MS": str(timeout_ms),
            "NODE_ID": str(node),
        }
        return _call((*self.language.run, *args), self.folder, self.language, _RUN_S, settings)


LANGUAGES: Final = (
    Language(
        "java",
        ("java", "mvn"),
        (("mvn", "-q", "-B", "compile", "dependency:copy-dependencies"),),
        ("java", "-cp", "target/classes:target/dependency/*", "example.Publish"),
        registry_api="/apis/registry/v2",
        environment={"LC_ALL": "C.UTF-8"},  # Java decodes its arguments by the locale
    ),
    Language(
        "go",
        ("go",),
        (("go", "build", "-o", "publish", "."),),
        ("./publish",),
        environment={"GOTOOLCHAIN": "local", "GOFLAGS": "-mod=readonly -buildvcs=false"},
    ),
    Language("node", ("node", "npm"), (("npm", "ci", "--ignore-scripts"),), ("node", "publish.js")),
    Language(
        "rust",
        ("cargo", "cc", "make"),
        (("cargo", "build", "-q"),),
        ("target/debug/publish",),
        # librdkafka compiles in half the time; nothing is kept of builds before.
        environment={"CFLAGS": "-O0", "CARGO_INCREMENTAL": "0", "CARGO_TARGET_DIR": "target"},
    ),
)


def build(language: Language, folder: Path, cache: Path) -> ExampleProducer:
    """Build a copy of an example in `folder`, so that nothing is left in the sources.

    Skips the test if a tool is missing or too old, or if the dependencies cannot be fetched.

    Args:
        language: The example to build.
        folder: An empty folder, which gets the example and the schemas that it reads.
        cache: A folder that keeps compiled crates from one run to the next.
    """
    missing = [tool for tool in language.tools if shutil.which(tool) is None]
    if missing:
        pytest.skip(f"the {language.name} example needs {' and '.join(missing)}, not installed")
    example = folder / EXAMPLES.relative_to(ROOT) / language.name
    # New modification times: Cargo would else take a cached build of other sources for current.
    for copied in (EXAMPLES.relative_to(ROOT) / language.name, SCHEMAS):
        shutil.copytree(ROOT / copied, folder / copied, ignore=_BUILT, copy_function=shutil.copy)
    if language.name == "rust":
        with _cached(example, cache):
            _build(language, example)
    else:
        _build(language, example)
    return ExampleProducer(language, example)


@contextmanager
def _cached(example: Path, cache: Path) -> Iterator[None]:
    """Let an example build into `cache`, and keep its program when another build may begin."""
    target, [program] = example / "target", LANGUAGES[-1].run
    cache.mkdir(parents=True, exist_ok=True)
    with (cache / "lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        target.symlink_to(cache, target_is_directory=True)
        yield
        built = (example / program).read_bytes()
    target.unlink()
    (example / program).parent.mkdir(parents=True)
    (example / program).write_bytes(built)
    (example / program).chmod(0o755)


def _build(language: Language, example: Path) -> None:
    for command in language.build:
        done = _call(command, example, language, _BUILD_S)
        output = done.stdout + done.stderr
        if done.returncode and _UNREACHABLE.search(output):
            pytest.skip(f"{' '.join(command)}: no package registry answers: {output[-300:]}")
        if done.returncode and _TOO_OLD.search(output):
            pytest.skip(f"{' '.join(command)}: the toolchain is too old: {output[-300:]}")
        assert done.returncode == 0, f"{' '.join(command)} failed:\n{output[-3000:]}"


def _call(
    command: tuple[str, ...],
    folder: Path,
    language: Language,
    seconds: float,
    settings: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=folder,
        env=os.environ | language.environment | dict(settings or {}),
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
