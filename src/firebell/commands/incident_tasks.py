"""`firebell incident task`: the tasks of an incident."""

from typing import Any

import click

from firebell.commands.client import call, call_all, seg
from firebell.commands.output import as_json, example, instant, short, show, show_table
from firebell.commands.people import person_id_of

_STATES = {"open": "open", "done": "done", "follow_up": "follow-up"}


def _address(ref: str, suffix: str = "") -> str:
    return f"/api/v1/incidents/{seg(ref)}/tasks{suffix}"


def task_row(task: dict[str, Any], names: dict[int, str]) -> list[str]:
    """Return the number, state, owner, due time and text of a task as columns."""
    owner = names.get(task["owner_id"], "-")
    due = short(task["due_at"]) if task["due_at"] else "-"
    state = _STATES[task["state"]] + ("" if task["required"] else ", optional")
    return [str(task["id"]), state, owner, due, task["text"]]


@click.group()
def task() -> None:
    """Tasks of an incident: list, add, finish, move to the follow-ups."""


@task.command("list", epilog=example("firebell incident task list INC-3"))
@click.argument("ref")
@as_json
def list_(ref: str) -> None:
    """List the tasks of incident REF."""
    tasks = call("GET", _address(ref))
    names = {p["id"]: p["name"] for p in call_all("/api/v1/people")} if tasks else {}
    head = ("TASK", "STATE", "OWNER", "DUE", "TEXT")
    show_table(tasks, head, [task_row(each, names) for each in tasks], wide=4, empty="No tasks.")


@task.command(
    "add",
    epilog=example(
        "firebell incident task add INC-3 'Watch the lag of ledger-db-3' --owner jun@example.org",
        "firebell incident task add INC-3 'Tidy the dashboard' --optional",
    ),
)
@click.argument("ref")
@click.argument("text")
@click.option("--owner", help="Email address or id of the owner.")
@click.option("--due", help="When it is due, such as 2026-11-24T04:00.")
@click.option("--optional", is_flag=True, help="It does not keep the incident from being closed.")
@as_json
def add(ref: str, text: str, owner: str | None, due: str | None, optional: bool) -> None:
    """Add the task TEXT to incident REF."""
    body: dict[str, Any] = {"text": text, "required": not optional}
    if owner:
        body["owner_id"] = person_id_of(owner)
    if due:
        body["due_at"] = instant(due, "--due")
    fields = call("POST", _address(ref), body)
    show(fields, f"Task {fields['id']} added to {fields['incident']}.")


def _set_state(ref: str, task_id: int, state: str) -> None:
    fields = call("PATCH", _address(ref, f"/{task_id}"), {"state": state})
    show(fields, f"Task {fields['id']} of {fields['incident']}: {_STATES[fields['state']]}.")


@task.command("done", epilog=example("firebell incident task done INC-3 7"))
@click.argument("ref")
@click.argument("task_id", type=click.IntRange(1))
@as_json
def done(ref: str, task_id: int) -> None:
    """Finish task TASK_ID of incident REF."""
    _set_state(ref, task_id, "done")


@task.command("move", epilog=example("firebell incident task move INC-3 7"))
@click.argument("ref")
@click.argument("task_id", type=click.IntRange(1))
@as_json
def move(ref: str, task_id: int) -> None:
    """Move task TASK_ID of incident REF to the follow-ups."""
    _set_state(ref, task_id, "follow_up")


@task.command("reopen", epilog=example("firebell incident task reopen INC-3 7"))
@click.argument("ref")
@click.argument("task_id", type=click.IntRange(1))
@as_json
def reopen(ref: str, task_id: int) -> None:
    """Reopen task TASK_ID of incident REF."""
    _set_state(ref, task_id, "open")


@task.command("assign", epilog=example("firebell incident task assign INC-3 7 jun@example.org"))
@click.argument("ref")
@click.argument("task_id", type=click.IntRange(1))
@click.argument("owner")
@as_json
def assign(ref: str, task_id: int, owner: str) -> None:
    """Assign task TASK_ID of incident REF to OWNER, an email address or id."""
    fields = call("PATCH", _address(ref, f"/{task_id}"), {"owner_id": person_id_of(owner)})
    show(fields, f"Task {fields['id']} of {fields['incident']} assigned to {owner}.")
