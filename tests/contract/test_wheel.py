"""The wheel carries the catalogue, out of the way of the `avro` library."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
ASK = """
import json, avro.schema
from streams.contracts import catalog
print(json.dumps([str(catalog.avro_dir()), len(catalog.schemas()), sorted(catalog.topics())]))
"""


def test_an_installed_wheel_finds_schemas_and_topics(tmp_path: Path) -> None:
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=120)
    [wheel] = tmp_path.glob("*.whl")
    site = tmp_path / "site"
    with zipfile.ZipFile(wheel) as packed:
        packed.extractall(site)
    done = subprocess.run(
        [sys.executable, "-c", ASK],
        cwd=tmp_path,
        env={"PYTHONPATH": str(site), "PATH": "/usr/bin:/bin"},
        check=True,
        capture_output=True,
        timeout=60,
    )
    folder, records, topics = json.loads(done.stdout)
    assert Path(folder) == site / "streams" / "avro"
    assert records == len(list((ROOT / "avro" / "v1").glob("*.avsc")))
    assert topics == sorted(path.stem for path in (ROOT / "avro" / "topics").glob("*.yaml"))
