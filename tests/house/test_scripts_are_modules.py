"""The scripts of the browser are native modules: each import finds its file and the name in it."""

import re
from pathlib import Path

import pytest

from tests.house.source import SRC, TEMPLATES

SCRIPTS = SRC / "static" / "js"
MODULES = sorted(SCRIPTS.glob("*.js"))
ENTRY = "main.js"
OF_ONE_PAGE = {
    "selection.js": 'id="bulk"',
    "editors.js": "data-editor",
    "oncall_drag.js": "data-drag",
    "contents.js": "data-toc",
    "status.js": "data-as-of",
    "push.js": 'id="push-here"',
}
"""Modules that a template includes itself, and the attribute that needs them."""


def _imports(path: Path) -> dict[str, list[str]]:
    """Return the imported names by module."""
    statements = re.findall(r"^import (?:\{ ([^}]+) \} from )?'\./([^']+)';$", path.read_text(), re.MULTILINE)
    return {module: re.findall(r"\w+|\$+", names) for names, module in statements}


def _exports(path: Path) -> set[str]:
    return set(re.findall(r"^export (?:const|let) ([\w$]+) =", path.read_text(), re.MULTILINE))


def _reached(name: str, reached: set[str]) -> set[str]:
    if name not in reached:
        reached.add(name)
        for module in _imports(SCRIPTS / name):
            _reached(module, reached)
    return reached


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_a_module_imports_only_what_another_exports(path: Path) -> None:
    for module, names in _imports(path).items():
        assert set(names) <= _exports(SCRIPTS / module), module


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.name)
def test_a_module_is_small_uses_what_it_imports_and_sets_no_global(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= 210
    assert "window." not in re.sub(r"window\.(caches|open)\b", "", text)
    body = re.sub(r"^import .*$", "", text, flags=re.MULTILINE)
    for names in _imports(path).values():
        assert not [name for name in names if not re.search(rf"(?<![\w$]){re.escape(name)}(?![\w$])", body)]


def test_every_module_is_reached_from_the_entry_or_is_named_by_a_page() -> None:
    reached = _reached(ENTRY, set())
    assert not reached & OF_ONE_PAGE.keys()
    assert reached | OF_ONE_PAGE.keys() == {path.name for path in MODULES}


@pytest.mark.parametrize("name", OF_ONE_PAGE)
def test_every_screen_with_its_own_script_names_it(name: str) -> None:
    pages = [template for template in TEMPLATES if OF_ONE_PAGE[name] in template.read_text()]
    assert pages
    for page in pages:
        assert f'static("js/{name}")' in page.read_text(), page


def test_modules_import_one_another_without_a_cycle() -> None:
    def visit(name: str, above: tuple[str, ...]) -> None:
        assert name not in above, (*above, name)
        for module in _imports(SCRIPTS / name):
            visit(module, (*above, name))

    visit(ENTRY, ())
