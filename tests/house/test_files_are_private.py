"""No file or directory of the product gets the mode that the umask happens to leave."""

import ast

from tests.house.source import SRC, modules, nodes

WRITERS = {"write_text", "write_bytes", "touch"}
OPENERS = {"open", "fdopen", "NamedTemporaryFile"}


def _writes(call: ast.Call) -> bool:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name in WRITERS:
        return True
    if name == "mkdir":
        modes = [*call.args[:1], *(k.value for k in call.keywords if k.arg == "mode")]
        return [ast.unparse(mode) for mode in modes] != ["DIRECTORY_MODE"]
    flags = [a.value for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
    return name in OPENERS and any(set(flag) & set("wax+") and len(flag) <= 3 for flag in flags)


def test_files_are_written_by_private_files_alone() -> None:
    writers = [
        f"{path.relative_to(SRC)}:{node.lineno}"
        for path, tree in modules()
        if path != SRC / "kit" / "private_files.py"
        for node in nodes(tree)
        if isinstance(node, ast.Call) and _writes(node)
    ]
    assert writers == []
