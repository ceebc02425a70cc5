"""`firebell task`: unfinished tasks of all incidents, and the ticket queue."""

import click

from firebell.commands.client import call_all, call_first
from firebell.commands.incident_tasks import assign, done, move, reopen, task_row
from firebell.commands.output import as_json, example, short, show_table


@click.group()
def task() -> None:
    """Tasks of all incidents and the ticket queue: list, finish, move, assign."""


for command in (done, move, reopen, assign):
    task.add_command(command)


@task.command(
    "list",
    epilog=example("firebell task list", "firebell task list --scope team --overdue"),
)
@click.option("--scope", type=click.Choice(["mine", "team", "all"]), default="mine", show_default=True)
@click.option("--overdue", is_flag=True, help="Only those whose time is over.")
@click.option("--incident", metavar="REF", help="Only those of an incident.")
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@as_json
def list_(scope: str, overdue: bool, incident: str | None, limit: int) -> None:
    """List unfinished tasks, newest first."""
    tasks = call_first(
        "/api/v1/tasks", limit, scope=scope, overdue="true" if overdue else None, incident=incident
    )
    names = {p["id"]: p["name"] for p in call_all("/api/v1/people")} if tasks else {}
    head = ("INCIDENT", "TASK", "STATE", "OWNER", "DUE", "TEXT")
    rows = [[each["incident"], *task_row(each, names)] for each in tasks]
    show_table(tasks, head, rows, wide=5, empty="No tasks.")


@task.command("queue", epilog=example("firebell task queue --state waiting"))
@click.option("--state", type=click.Choice(["waiting", "in_progress", "monitoring"]))
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@as_json
def queue(state: str | None, limit: int) -> None:
    """List the ticket queue: open SEV3 incidents, oldest first."""
    tickets = call_first("/api/v1/ticket-queue", limit, state=state)
    rows = [
        [
            t["incident"],
            t["state"].replace("_", " "),
            ", ".join(t["people"]) or "-",
            short(t["declared_at"]),
            t["title"],
        ]
        for t in tickets
    ]
    head = ("INCIDENT", "STATE", "PEOPLE", "DECLARED", "TITLE")
    show_table(tickets, head, rows, wide=4, empty="The queue is empty.")
