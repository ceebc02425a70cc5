"""Every action that is written to the audit log has a label for the people who read it."""

import ast
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

from firebell.oncall.model import CoverState, SwapState
from firebell.people.audit_log.labels import ACTION_LABELS, action_label, subject_label
from firebell.runbooks.actions import LibraryChange

from .source import modules, nodes

Function = ast.FunctionDef | ast.AsyncFunctionDef
AUDITS = ("audit", "audit_each")
BY_STATE = {
    *(f"swap.{state}" for state in SwapState if state is not SwapState.OPEN),
    *(f"cover.{state}" for state in CoverState if state is not CoverState.OPEN),
    *(f"runbook.{change}" for change in LibraryChange if change is not LibraryChange.UNCHANGED),
}
"""Actions that are named after an enumeration."""


def _called(call: ast.Call) -> str:
    return call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")


def _positional(call: ast.Call) -> list[ast.expr]:
    """Return the positional arguments, with those of `*(...)` spread out."""
    return [
        each
        for arg in call.args
        for each in (
            arg.value.elts if isinstance(arg, ast.Starred) and isinstance(arg.value, ast.Tuple) else [arg]
        )
    ]


def _texts(value: ast.expr) -> Iterator[str]:
    """Yield the texts that an expression can be: a constant, or either side of a condition."""
    match value:
        case ast.Constant(value=str(text)):
            yield text
        case ast.IfExp(body=body, orelse=orelse):
            yield from _texts(body)
            yield from _texts(orelse)


@cache
def _calls() -> Mapping[str, Sequence[tuple[Function, ast.Call]]]:
    """Return all calls by the name that they call, each with its function; walking the product takes seconds."""
    calls: dict[str, list[tuple[Function, ast.Call]]] = {}
    functions = (node for _, tree in modules() for node in nodes(tree) if isinstance(node, Function))
    for function in functions:
        for call in (node for node in ast.walk(function) if isinstance(node, ast.Call)):
            calls.setdefault(_called(call), []).append((function, call))
    return calls


def _passed(function: Function, name: str) -> Iterator[str]:
    """Yield the texts that callers pass as an argument of a function, and what is passed on to it."""
    names = [arg.arg for arg in function.args.args]
    if name not in names:
        return
    for caller, call in _calls().get(function.name, ()):
        match _positional(call)[names.index(name)]:
            case ast.Name(id=passed_on):
                yield from _passed(caller, passed_on)
            case value:
                yield from _texts(value)


def _actions() -> Iterator[str]:
    """Yield the actions that the source writes; f-strings get the texts that their function is called with."""
    for function, call in (each for audit in AUDITS for each in _calls()[audit]):
        match _positional(call)[1]:
            case ast.JoinedStr(
                values=[ast.Constant(value=str(prefix)), ast.FormattedValue(value=ast.Name(id=name))]
            ):
                yield from (prefix + text for text in _passed(function, name))
            case ast.Name(id=name):
                for assignment in (n for n in ast.walk(function) if isinstance(n, ast.Assign)):
                    if getattr(assignment.targets[0], "id", "") == name:
                        yield from _texts(assignment.value)
            case action:
                yield from _texts(action)


def test_every_audit_action_has_a_label() -> None:
    assert {*_actions()} | BY_STATE == {*ACTION_LABELS}


def test_a_subject_is_named_else_described() -> None:
    assert subject_label("person:1", {"person:1": "Mara Lindqvist"}) == "Mara Lindqvist"
    assert subject_label("key:7", {}) == "API key 7"
    assert subject_label("schedule:3", {}) == "Schedule 3"
    assert subject_label("organization", {}) == "Organization"
    assert subject_label("organisation", {}) == "Organization"
    assert subject_label("PG-1", {}) == "PG-1"


def test_an_action_of_another_version_is_shown_as_it_is() -> None:
    assert action_label("page.teleported") == "page.teleported"
