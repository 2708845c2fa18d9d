"""The judge stands apart: it imports nothing that could share a mistake with the product."""

import ast
import sys
from pathlib import Path

import pytest

from tests.oracle import dim_users, lake_facts, validity, views


@pytest.mark.parametrize("module", [views, lake_facts, dim_users, validity])
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
    assert foreign <= {"tests.oracle.validity"}
