"""A wheel contains the handbook, and its templates load from there."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

from firebell.kit.handbook_files import skill_files
from tests.house.source import ROOT

PROGRAM = """
import firebell
from firebell.handbook import shipped_content
from firebell.kit.handbook_files import skill, skill_files
print(firebell.__file__)
print(*skill_files(""), sep=" ")
print(*shipped_content.shipped(), sep=" ")
print(len(skill("SKILL.md")))
"""


def test_a_wheel_ships_the_handbook_and_reads_it(tmp_path: Path) -> None:
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert built.returncode == 0, built.stderr
    (wheel,) = tmp_path.glob("*.whl")
    installed = tmp_path / "installed"
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        archive.extractall(installed)
    assert {f"firebell/handbook/skill/{path}" for path in skill_files("")} <= names

    ran = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ran.returncode == 0, ran.stderr
    where, files, templates, length = ran.stdout.splitlines()
    assert Path(where).is_relative_to(installed)
    assert files.split(" ") == skill_files("")
    assert {"postmortem", "handoff", "update-first"} <= set(templates.split(" "))
    assert int(length) > 1000
