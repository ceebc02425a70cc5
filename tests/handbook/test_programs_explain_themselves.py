"""Every program of the handbook explains itself before anything is installed."""

import asyncio
import sys
from pathlib import Path

import pytest

from tests.handbook.readers import SKILL

PROGRAMS = sorted(SKILL.rglob("*.py"))


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.name)
async def test_help_needs_none_of_its_dependencies(program: Path) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", str(program), "--help"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert (process.returncode, err) == (0, b"")
    assert out.startswith(b"usage: ")
