"""Requests to other servers, threads and decompression go through the places that bound them."""

import ast
from functools import cache
from pathlib import Path

import pytest

from tests.house.source import SRC, dotted, modules, nodes

DIALLERS = {"kit/http_out.py", "commands/client.py"}
"""The guarded client, and the command line, which talks to the user's own Firebell."""
HTTP_VERBS = {"get", "post", "put", "patch", "delete", "head", "request", "stream", "send"}
EXPANDING = {"aiter_bytes", "aiter_text", "aiter_lines", "iter_bytes", "aread"}
EXPANDERS = {"gzip", "zlib", "bz2", "lzma", "zipfile", "tarfile", "yaml", "pickle", "xml"}
BOUNDED = (
    *("alerts/", "kit/yaml_limits.py"),
    *(
        "catalog/dependency_yaml.py",
        "catalog/service_yaml.py",
        "runbooks/front_matter.py",
        "drills/yaml_reading.py",
        "drills/scenario_file.py",
        "kit/prometheus_rules.py",
        "alert_audit/rule_edits.py",
        "kit/web/template_compiler.py",
    ),
)
"""Inbound bodies have their own limit on decompression.

Files of dependencies, services, front matter, scenarios and rules refuse what expands; bytecode is compressed by a
child process of ours.
"""
THREADS = {"to_thread", "run_in_executor"}


def relative(path: Path) -> str:
    return path.relative_to(SRC).as_posix()


def attributes(tree: ast.Module) -> list[ast.Attribute]:
    return [node for node in nodes(tree) if isinstance(node, ast.Attribute)]


def test_no_answer_of_another_server_is_expanded() -> None:
    assert not [relative(path) for path, tree in modules() for a in attributes(tree) if a.attr in EXPANDING]


def test_only_guarded_functions_connect_to_other_servers() -> None:
    dialling = {
        relative(path)
        for path, tree in modules()
        for a in attributes(tree)
        if a.attr in HTTP_VERBS and dotted(a.value).rpartition(".")[2].lstrip("_") in ("http", "httpx")
    }
    assert dialling <= DIALLERS


@pytest.mark.parametrize("module", sorted(EXPANDERS))
def test_nothing_that_arrives_is_decompressed_or_unpacked(module: str) -> None:
    importing = [
        relative(path)
        for path, tree, name in _imports()
        if name.partition(".")[0] == module and not relative(path).startswith(BOUNDED)
        if {a.attr for a in attributes(tree) if dotted(a.value) == module} != {"compress"}
    ]
    assert importing == []


@cache
def _imports() -> list[tuple[Path, ast.Module, str]]:
    """Return every module with its tree and each name that it imports."""
    return [
        (path, tree, name) for path, tree in modules() for node in nodes(tree) for name in _imported(node)
    ]


def _imported(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


def test_blocking_work_has_its_own_thread_pool() -> None:
    using = {relative(path) for path, tree in modules() for a in attributes(tree) if a.attr in THREADS}
    assert using <= {"database_server.py"}, (
        "use a pool of kit/threads.py: the default one is shared with lookups"
    )
