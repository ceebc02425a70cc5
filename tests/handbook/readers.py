"""The scripts of the handbook, loaded as modules or run as programs."""

import importlib.util
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import ModuleType

SKILL = Path(__file__).parents[2] / "skills" / "managing-incidents"


@cache
def module(path: str) -> ModuleType:
    """Return a script of the skill as a module; its main is not run."""
    name = Path(path).stem.replace("-", "_")
    spec = importlib.util.spec_from_file_location(f"handbook_{name}", SKILL / path)
    assert spec
    assert spec.loader
    loaded = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = loaded
    spec.loader.exec_module(loaded)
    return loaded


def run(
    path: str,
    *args: str,
    flags: Sequence[str] = (),
    typed: str = "",
    env: Mapping[str, str] | None = None,
    code: int = 0,
) -> subprocess.CompletedProcess[str]:
    """Run a script as a program with `flags` for Python; assert its exit code and that there is no traceback."""
    ran = subprocess.run(
        [sys.executable, *flags, str(SKILL / path), *args],
        input=typed,
        capture_output=True,
        text=True,
        timeout=60,
        env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", **(env or {})},
        check=False,
    )
    assert ran.returncode == code, ran
    assert "Traceback" not in ran.stderr, ran.stderr
    return ran
