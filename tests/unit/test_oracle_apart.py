"""The judge stands apart: it imports nothing that could share a mistake with the product."""

import ast
import sys
from pathlib import Path

import pytest

from tests import lake_oracle, oracle, scd2_model, verdicts


@pytest.mark.parametrize("module", [oracle, lake_oracle, scd2_model, verdicts])
def test_the_judge_imports_only_the_standard_library(module: object) -> None:
    tree = ast.parse(Path(str(getattr(module, "__file__", ""))).read_text())
    imported = {
        name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for name in (
            [node.module or "."]
            if isinstance(node, ast.ImportFrom)
            else [alias.name for alias in node.names]
        )
    }
    foreign = {name for name in imported if name.partition(".")[0] not in sys.stdlib_module_names}
    assert foreign <= {"tests.verdicts"}
