"""Where the values of a run's variables come from: options, the environment, the incident, defaults, the person."""

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from firebell.commands.client import seg
from firebell.commands.output import USAGE, fail
from firebell.commands.runbook_run_reporter import Server
from firebell.commands.runbook_run_screen import Screen
from firebell.runbooks.execution.variables import Variable, VariableError


def given(options: Iterable[str], declared: Sequence[Variable]) -> dict[str, str]:
    """Return the values of `--var NAME=VALUE`, clean; end the command for one that is not valid."""
    by_name = {variable.name: variable for variable in declared}
    values: dict[str, str] = {}
    for option in options:
        name, sign, value = option.partition("=")
        if not sign or name not in by_name:
            listed = ", ".join(by_name) or "none"
            fail(f"--var {name}: the runbook has no such variable.", f"Variables: {listed}.", USAGE)
        try:
            values[name] = by_name[name].clean(value)
        except VariableError as error:
            fail(f"--var {name}: {error}", "", USAGE)
    return values


def proposals(server: Server, incident: Mapping[str, Any], declared: Sequence[Variable]) -> dict[str, str]:
    """Return what the incident and its latest alert propose, by variable; raise `CommandFailed` without an answer."""
    sources = {variable.name: variable.source for variable in declared if variable.source}
    alert: Mapping[str, Any] = {}
    if any(not source.startswith("incident.") for source in sources.values()):
        alert = _latest_alert(server, incident)
    values: dict[str, str] = {}
    for name, source in sources.items():
        kind, _, key = source.partition(".")
        from_alert = alert.get(f"{kind}s", {}).get(key, "")
        if value := next(iter(incident["services"]), "") if kind == "incident" else from_alert:
            values[name] = str(value)
    return values


def _latest_alert(server: Server, incident: Mapping[str, Any]) -> Mapping[str, Any]:
    for page in reversed(incident["pages"]):
        if alerts := server.call("GET", f"/api/v1/pages/{seg(page)}")["alerts"]:
            latest = max(alerts, key=lambda alert: str(alert["starts_at"]))
            alert: Mapping[str, Any] = server.call("GET", f"/api/v1/alerts/{latest['id']}")
            return alert
    return {}


def complete(
    declared: Sequence[Variable],
    values: Mapping[str, str],
    proposed: Mapping[str, str],
    screen: Screen,
) -> dict[str, str]:
    """Return a value for every variable; end the command if one is missing and nobody can be asked.

    In this order: given, the environment, proposed by the incident, the default. A person confirms each but the
    given ones; without a person, a proposal is only taken for types that cannot do harm.
    """
    complete_values: dict[str, str] = {}
    missing: list[str] = []
    for variable in declared:
        name = variable.name
        if name in values:
            complete_values[name] = values[name]
        elif screen.is_interactive:
            complete_values[name] = _asked(variable, _start(variable, proposed), screen)
        elif value := _unattended(variable, proposed, missing):
            complete_values[name] = value
    if missing:
        fail(
            f"Variables without a value: {'; '.join(missing)}.",
            "Set each with --var NAME=VALUE, and secrets in the environment.",
            USAGE,
        )
    return complete_values


def _start(variable: Variable, proposed: Mapping[str, str]) -> str:
    return os.environ.get(variable.name) or proposed.get(variable.name) or variable.default


def _asked(variable: Variable, start: str, screen: Screen) -> str:
    hint = f" ({variable.ask})" if variable.ask else ""
    if variable.secret and start:
        try:
            return variable.clean(start)
        except VariableError as error:
            screen.say(f"{variable.name} in the environment: {error}", color="red")
    while True:
        default = "" if variable.secret else start
        value = screen.line(f"{variable.name}{hint}", default=default, is_secret=variable.secret)
        try:
            return variable.clean(value)
        except VariableError as error:
            screen.say(str(error), color="red")


def _unattended(variable: Variable, proposed: Mapping[str, str], missing: list[str]) -> str:
    own = os.environ.get(variable.name)
    value = own or (proposed.get(variable.name) if variable.is_safe_unattended else None) or variable.default
    if not value:
        is_held_back = variable.name in proposed and not variable.is_safe_unattended
        why = "a person must confirm what the alert proposes" if is_held_back else "missing"
        missing.append(f"{variable.name} ({why})")
        return ""
    try:
        return variable.clean(value)
    except VariableError as error:
        missing.append(f"{variable.name} ({error})")
        return ""
