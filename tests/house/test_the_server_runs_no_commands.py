"""The server never runs a command of a runbook: only named modules can start a process (spec 11.4)."""

import ast
from collections.abc import Iterator

import pytest

from tests.house.source import SRC, dotted, modules, nodes

MAY_START = {
    "commands/": "the command line, on the machine of the person who calls it",
    "kit/db/embedded.py": "PostgreSQL, which comes with Firebell",
    "kit/web/template_compiler.py": "our own interpreter, which compiles the pages after a start",
    "oncall/calendars/parser_process.py": "our own interpreter, for calendars of others",
    "channels/apprise_process.py": "our own interpreter, in which Apprise sends a message",
    "kit/child_process.py": "our own interpreter, for the two above",
    "kit/process_pool.py": "our own interpreter, for texts whose cost depends on who wrote them",
}
"""The modules that may start a process, each with what it starts; a folder ends with a slash."""
STARTING_MODULES = {"subprocess", "multiprocessing", "pty"}
STARTING_CALLS = {
    *("system", "popen", "fork", "forkpty", "posix_spawn", "posix_spawnp", "startfile"),
    *("create_subprocess_exec", "create_subprocess_shell", "subprocess_exec", "subprocess_shell"),
    *("ProcessPoolExecutor", "output_of"),
}


def starts(tree: ast.Module) -> Iterator[str]:
    """Yield what in a module can start another process or become one, however it is imported."""
    for node in nodes(tree):
        match node:
            case ast.Import():
                names = [alias.name for alias in node.names]
            case ast.ImportFrom(module=str(module)):
                names = [f"{module}.{alias.name}" for alias in node.names]
            case ast.Attribute():
                names = [dotted(node)]
            case ast.Call(
                func=ast.Name(id="__import__" | "import_module"), args=[ast.Constant(value=str(name)), *_]
            ):
                names = [name]
            case _:
                continue
        yield from filter(_starts, names)


def _starts(name: str) -> bool:
    parts = name.split(".")
    of_os = parts[0] in ("os", "posix") and parts[-1].startswith(("exec", "spawn"))
    return bool(of_os or STARTING_MODULES & set(parts) or parts[-1] in STARTING_CALLS)


def test_only_named_modules_can_start_a_process() -> None:
    starting = {
        path.relative_to(SRC).as_posix(): sorted(set(names))
        for path, tree in modules()
        if (names := list(starts(tree)))
    }
    strangers = {path: names for path, names in starting.items() if not path.startswith(tuple(MAY_START))}
    assert strangers == {}
    files = {allowed for allowed in MAY_START if not allowed.endswith("/")}
    assert files <= set(starting), "a module that starts nothing any more needs no entry"


def test_nothing_of_runbooks_can_start_one() -> None:
    assert not [
        path for path, tree in modules() if path.is_relative_to(SRC / "runbooks") and list(starts(tree))
    ]


@pytest.mark.parametrize(
    "source",
    [
        "import subprocess",
        "import subprocess as sp",
        "from subprocess import run",
        "import asyncio\nasyncio.create_subprocess_exec('ls')",
        "from asyncio import create_subprocess_shell",
        "from asyncio import subprocess",
        "import os\nos.execv('/bin/sh', [])",
        "import os\nos.spawnl(0, 'x')",
        "from os import execve",
        "import os\nos.system('ls')",
        "import multiprocessing.pool",
        "from concurrent.futures import ProcessPoolExecutor",
        "import pty",
        "__import__('subprocess')",
        "loop.subprocess_exec(f, 'ls')",
    ],
)
def test_each_way_to_start_a_process_is_recognized(source: str) -> None:
    assert list(starts(ast.parse(source)))


@pytest.mark.parametrize(
    "source", ["tx.execute('select 1')", "from firebell.kit import process_pool", "x.run()"]
)
def test_a_statement_of_the_database_is_no_process(source: str) -> None:
    assert not list(starts(ast.parse(source)))
