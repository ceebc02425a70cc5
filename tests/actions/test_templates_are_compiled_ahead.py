"""The first reader of a page after a start does not wait until its templates are compiled."""

import jinja2
import pytest

from firebell.kit.web import html
from firebell.kit.web.template_compiler import CompiledTemplates, precompile


async def test_no_template_is_compiled_by_the_server(monkeypatch: pytest.MonkeyPatch) -> None:
    compiled = CompiledTemplates()
    await precompile(compiled)
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
    compiled = CompiledTemplates()
    await precompile(compiled)
    codes = list(compiled.bytecode.values())
    keys = list(compiled.bytecode)
    compiled.bytecode = dict(zip(keys, [*codes[1:], b"garbage"], strict=True))
    environment = html.template_environment(compiled)
    for name in environment.list_templates(["html"]):
        assert environment.get_template(name).name == name
