"""The first reader of a page after a start does not wait until its templates are compiled."""

import jinja2
import pytest

from firebell.kit.web import html
from firebell.kit.web.template_compiler import CompiledTemplates, precompile

_bytecode: dict[str, bytes] = {}


async def precompiled() -> CompiledTemplates:
    """Return all templates, which are compiled once for all tests: it takes seconds."""
    compiled = CompiledTemplates()
    if not _bytecode:
        await precompile(compiled)
        _bytecode.update(compiled.bytecode)
    compiled.bytecode = dict(_bytecode)
    return compiled


async def test_no_template_is_compiled_by_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = await precompiled()
    environment = html.template_environment(compiled)
    names = environment.list_templates(["html"])
    assert len(compiled.bytecode) == len(names)

    def refuse(*_: object, **__: object) -> None:
        pytest.fail("a template was compiled")

    monkeypatch.setattr(jinja2.Environment, "compile", refuse)
    for name in names:
        assert environment.get_template(name).name == name
    assert not compiled.bytecode, "what is loaded is not kept twice"


async def test_a_page_that_is_not_compiled_yet_is_shown() -> None:
    assert html.template_environment(CompiledTemplates()).get_template("error.html").name == "error.html"


async def test_bytecode_of_another_template_or_version_is_not_used() -> None:
    compiled = await precompiled()
    environment = html.template_environment(compiled)
    # all of them would be compiled, which takes as long as at the start
    names = sorted(environment.list_templates(["html"]), key=lambda name: "/" in name)[:6]
    keys = list(compiled.bytecode)[: len(names)]
    codes = [compiled.bytecode[key] for key in keys]
    compiled.bytecode = dict(zip(keys, [*codes[1:], b"garbage"], strict=True))
    for name in names:
        assert environment.get_template(name).name == name
    assert not compiled.bytecode, "each was asked for"
