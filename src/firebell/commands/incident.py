"""`firebell declare` and `firebell incident`."""

import sys
from typing import Any

import click

from firebell.commands.classify import ask, flags_to_answers
from firebell.commands.client import USAGE, as_json, call, fail, local, show, table

_ANSWER = click.Choice(["yes", "no", "unknown"])


def _words(found: dict[str, Any]) -> str:
    return f"{found['ref']} {found['severity']} is {found['phase']}: {found['title']}"


@click.command()
@click.argument("title")
@click.option("--severity", help="SEV0 to SEV3; without it the questions decide.")
@click.option("--down", type=_ANSWER)
@click.option("--degraded", type=_ANSWER)
@click.option("--workaround", type=_ANSWER)
@click.option("--customers", type=_ANSWER)
@click.option("--service", multiple=True, help="Slug of an affected service, repeatable.")
@click.option("--page", "page_ref", help="The page that it comes from, such as PG-7.")
@click.option("--command", "take_command", is_flag=True, help="Take command.")
@click.option("--drill", is_flag=True, help="Page nobody.")
@as_json
def declare(
    title: str,
    severity: str | None,
    down: str | None,
    degraded: str | None,
    workaround: str | None,
    customers: str | None,
    service: tuple[str, ...],
    page_ref: str | None,
    take_command: bool,
    drill: bool,
    json_: bool,
) -> None:
    """Declare an incident called TITLE. Declaring early is never wrong."""
    given = {"down": down, "degraded": degraded, "workaround": workaround, "customers": customers}
    answers = flags_to_answers(given)
    if severity is None and answers is None:
        if not sys.stdin.isatty():
            fail("The severity is missing.", "Give --severity, or answer by --down yes|no|unknown ...", USAGE)
        answers = ask()
    body = {
        "title": title,
        "severity": severity,
        "answers": answers,
        "services": list(service),
        "page": page_ref,
        "take_command": take_command,
        "drill": drill,
    }
    found = call("POST", "/api/v1/incidents", body)
    show(json_, found, _words(found))


@click.group()
def incident() -> None:
    """Work on incidents."""


@incident.command("list")
@click.option("--phase", multiple=True, help="Default: those that are open; repeatable.")
@as_json
def list_(phase: tuple[str, ...], json_: bool) -> None:
    """List incidents."""
    found = call("GET", "/api/v1/incidents", phase=list(phase) or None)
    rows = [[i["ref"], i["severity"], i["phase"], local(i["declared_at"]), i["title"][:70]] for i in found]
    show(json_, found, table(rows) or "No incident is open.")


@incident.command("show")
@click.argument("ref")
@as_json
def show_(ref: str, json_: bool) -> None:
    """Show one incident."""
    found = call("GET", f"/api/v1/incidents/{ref}")
    roles = "\n".join(f"  {r['role']}: {r['person']}" for r in found["roles"]) or "  nobody has a role"
    due = f"\n  update due {local(found['update_due_at'])}" if found["update_due_at"] else ""
    show(json_, found, f"{_words(found)}\n{roles}{due}")


@incident.command()
@click.argument("ref")
@as_json
def timeline(ref: str, json_: bool) -> None:
    """Print the timeline."""
    found = call("GET", f"/api/v1/incidents/{ref}/timeline")
    show(json_, found, "\n".join(f"{local(e['at'])}  {e['by']}  [{e['kind']}] {e['text']}" for e in found))


@incident.command()
@click.argument("ref")
@click.argument("text")
@click.option(
    "--kind", type=click.Choice(["note", "update", "finding", "decision", "mitigation"]), default="note"
)
@as_json
def note(ref: str, text: str, kind: str, json_: bool) -> None:
    """Write TEXT into the timeline."""
    found = call("POST", f"/api/v1/incidents/{ref}/entries", {"text": text, "kind": kind})
    show(json_, found, _words(found))


@incident.command()
@click.argument("ref")
@click.argument("severity")
@click.option("--reason", default="", help="Needed to lower it.")
@as_json
def severity(ref: str, severity: str, reason: str, json_: bool) -> None:
    """Change the severity."""
    body = {"severity": severity, "reason": reason}
    found = call("POST", f"/api/v1/incidents/{ref}/severity", body)
    show(json_, found, _words(found))


@incident.command()
@click.argument("ref")
@click.argument("phase")
@click.option("--reason", default="")
@click.option("--force", is_flag=True, help="All the same, although a guard refuses; needs a reason.")
@as_json
def phase(ref: str, phase: str, reason: str, force: bool, json_: bool) -> None:
    """Move on to PHASE: investigating, mitigating, monitoring, closed, dismissed."""
    body = {"phase": phase, "reason": reason, "force": force}
    found = call("POST", f"/api/v1/incidents/{ref}/phase", body)
    show(json_, found, _words(found))


@incident.command()
@click.argument("ref")
@click.argument("role", type=click.Choice(["commander", "comms", "sme", "scribe", "responder"]))
@as_json
def take(ref: str, role: str, json_: bool) -> None:
    """Take a role."""
    found = call("POST", f"/api/v1/incidents/{ref}/roles", {"role": role})
    show(json_, found, f"You have {role} in {found['ref']}.")


@incident.command()
@click.argument("ref")
@as_json
def resolve(ref: str, json_: bool) -> None:
    """Say that the impact ended; monitoring begins."""
    found = call("POST", f"/api/v1/incidents/{ref}/phase", {"phase": "monitoring"})
    show(json_, found, _words(found))


@incident.command()
@click.argument("ref")
@as_json
def close(ref: str, json_: bool) -> None:
    """Close after 30 stable minutes."""
    found = call("POST", f"/api/v1/incidents/{ref}/phase", {"phase": "closed"})
    show(json_, found, _words(found))
