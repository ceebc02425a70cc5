"""`firebell incident`: run incidents, from the declaration to the post-mortem."""

from typing import Any

import click

from firebell.commands import incident_closing, incident_cost, incident_relations, incident_reporting
from firebell.commands.client import call, call_all, call_first, seg
from firebell.commands.declare import TYPE, declare, fields_of
from firebell.commands.incident_checks import check, waive
from firebell.commands.incident_clocks import clocks, record_fact
from firebell.commands.incident_drafts import draft, draft_step, drafts
from firebell.commands.incident_files import attach, export, graph
from firebell.commands.incident_lines import summary_line, timeline_markdown
from firebell.commands.incident_similar import similar
from firebell.commands.incident_tasks import task
from firebell.commands.incident_watch import watch
from firebell.commands.manual_page import incident_page
from firebell.commands.output import (
    USAGE,
    CommandFailed,
    as_json,
    echo,
    example,
    fail,
    local,
    short,
    show,
    show_table,
    table,
    time_left,
    wants_json,
)
from firebell.commands.people import person_id_of

_ROLE = click.Choice(["commander", "comms", "sme", "scribe", "responder"])
_KIND = click.Choice(["note", "update", "finding", "decision", "mitigation"])
_ANY_PHASE = click.Choice(
    [
        *("detected", "triaging", "declared", "investigating", "mitigating", "monitoring"),
        *("closed", "reviewed", "dismissed", "merged"),
    ]
)
_PHASE = click.Choice(
    [
        *("triaging", "investigating", "mitigating", "resolved", "monitoring"),
        *("closed", "reviewed", "dismissed"),
    ]
)


def _address(ref: str, suffix: str = "") -> str:
    return f"/api/v1/incidents/{seg(ref)}{suffix}"


def _add_entry(ref: str, kind: str, text: str) -> None:
    fields = call("POST", _address(ref, "/entries"), {"text": text, "kind": kind})
    due = f" The next update is due {short(fields['update_due_at'])}." if fields["update_due_at"] else ""
    show(fields, f"Added to {fields['ref']}.{due if kind == 'update' else ''}")


def _set_phase(ref: str, phase: str, reason: str = "", force: bool = False, at: str | None = None) -> None:
    body = {"phase": phase, "reason": reason, "force": force, "effective_at": at}
    try:
        fields = call("POST", _address(ref, "/phase"), body)
    except CommandFailed as error:
        if error.problem.get("hint", "").startswith("Enter a reason"):
            error.problem["hint"] = (
                f"To skip this check: firebell incident phase {ref} {phase} --force --reason ..."
            )
        raise
    show(fields, summary_line(fields))


@click.group()
def incident() -> None:
    """Run incidents: roles, updates, phases and post-mortems."""


@incident.command(
    "list",
    epilog=example(
        "firebell incident list --phase closed --limit 5",
        "firebell incident list --postmortem-due --commander me",
        "firebell incident list --phase reviewed --month 2026-11 --severity SEV1 --sort longest",
    ),
)
@click.option(
    "--phase",
    multiple=True,
    type=_ANY_PHASE,
    metavar="PHASE",
    help=f"{', '.join(_ANY_PHASE.choices)}. Default: all open ones. Repeatable.",
)
@click.option("--drill", is_flag=True, help="Drills instead of real incidents.")
@click.option("--severity", multiple=True, metavar="SEV", help="SEV0 to SEV3; repeatable.")
@click.option("--service", help="Slug of a service.")
@click.option("--commander", help="Email address or id of the commander, or me.")
@click.option("--month", metavar="YYYY-MM", help="Declared in this month (UTC).")
@click.option("--type", "type_", multiple=True, type=TYPE, help="Type of incident; repeatable.")
@click.option("--field", "fields", multiple=True, metavar="SLUG=VALUE", help="A custom field; repeatable.")
@click.option("--query", "q", help="Words of the title; all must match.")
@click.option(
    "--postmortem-due", is_flag=True, help="In any phase, with an unpublished post-mortem that is due."
)
@click.option(
    "--sort", type=click.Choice(["newest", "longest", "severest"]), default="newest", show_default=True
)
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@as_json
def list_(
    phase: tuple[str, ...],
    drill: bool,
    severity: tuple[str, ...],
    service: str | None,
    commander: str | None,
    month: str | None,
    type_: tuple[str, ...],
    fields: tuple[str, ...],
    q: str | None,
    postmortem_due: bool,
    sort: str,
    limit: int,
) -> None:
    """List incidents, newest first."""
    incidents = call_first(
        "/api/v1/incidents",
        limit,
        phase=list(phase) or None,
        drill="true" if drill else None,
        severity=list(severity) or None,
        service=service,
        commander=commander,
        month=month,
        type=list(type_) or None,
        field=[f"{slug}:{value}" for slug, value in fields_of(fields).items()] or None,
        q=q,
        postmortem_due="true" if postmortem_due else None,
        sort=sort if sort != "newest" else None,
    )
    rows = [
        [
            i["ref"],
            i["severity"],
            i["phase"],
            next((r["person"] for r in i["roles"] if r["role"] == "commander"), "-"),
            short(i["declared_at"]),
            i["title"],
        ]
        for i in incidents
    ]
    head = ("INCIDENT", "SEV", "PHASE", "COMMANDER", "DECLARED", "TITLE")
    show_table(incidents, head, rows, wide=5, empty="No incidents match.")


@incident.command("show", epilog=example("firebell incident show INC-3"))
@click.argument("ref")
@as_json
def show_(ref: str) -> None:
    """Show incident REF with its roles and possible next phases."""
    fields = call("GET", _address(ref))
    lines = [click.style(summary_line(fields), bold=True), f"  declared {local(fields['declared_at'])}"]
    if fields["update_due_at"]:
        due_at = fields["update_due_at"]
        lines.append(f"  update due {local(due_at)}, {time_left(due_at, promise=True)}")
    named = {"services": fields["services"], "pages": fields["pages"]}
    lines += [f"  {name}: {', '.join(values)}" for name, values in named.items() if values]
    lines += [f"  {r['role']}: {r['person']}" for r in fields["roles"]] or ["  no roles assigned"]
    canvas = ("summary", "conditions", "actions", "needs")
    lines += [f"  {name}: {fields[name]}" for name in canvas if fields[name]]
    lines += [f"  {slug}: {value}" for slug, value in call("GET", _address(ref, "/fields"))["values"].items()]
    lines += [f"  next {n['phase']}: {n['refusal'] or 'ready'}" for n in fields["next"]]
    show(fields, "\n".join(lines))


@incident.command(
    epilog=example(
        "firebell incident timeline INC-3", "firebell incident timeline INC-3 --markdown > inc-3.md"
    )
)
@click.argument("ref")
@click.option("--markdown", is_flag=True, help="Print it as Markdown, with times in UTC.")
@as_json
def timeline(ref: str, markdown: bool) -> None:
    """Print the whole timeline, oldest entry first."""
    entries = sorted(call_all(_address(ref, "/timeline")), key=lambda e: int(e["id"]))
    if markdown and not wants_json():
        echo(timeline_markdown(call("GET", _address(ref)), entries))
        return
    show(entries, "\n".join(f"{short(e['at'])}  {e['by']} [{e['kind']}]  {e['text']}" for e in entries))


@incident.command(epilog=example("firebell incident note INC-3 'Rolled build 4812 back' --kind mitigation"))
@click.argument("ref")
@click.argument("text")
@click.option("--kind", type=_KIND, default="note", show_default=True)
@as_json
def note(ref: str, text: str, kind: str) -> None:
    """Add TEXT to the timeline."""
    _add_entry(ref, kind, text)


@incident.command(epilog=example("firebell incident update INC-3 'Errors fall, 2% now'"))
@click.argument("ref")
@click.argument("text", default="No change since the last update.")
@as_json
def update(ref: str, text: str) -> None:
    """Post an update; without TEXT, that nothing changed."""
    _add_entry(ref, "update", text)


@incident.command(epilog=example("firebell incident severity INC-3 SEV2 --reason 'one region only'"))
@click.argument("ref")
@click.argument("severity")
@click.option("--reason", default="", help="Required to lower the severity.")
@as_json
def severity(ref: str, severity: str, reason: str) -> None:
    """Change the severity. Raising it pages at once."""
    fields = call("POST", _address(ref, "/severity"), {"severity": severity, "reason": reason})
    show(fields, summary_line(fields))


@incident.command(epilog=example("firebell incident phase INC-3 mitigating"))
@click.argument("ref")
@click.argument("phase", type=_PHASE)
@click.option("--reason", default="", help="Reason for the timeline.")
@click.option("--force", is_flag=True, help="Skip the required checks; needs --reason.")
@click.option("--at", help="When it happened, such as 2026-11-24T02:31Z. Default: now.")
@as_json
def phase(ref: str, phase: str, reason: str, force: bool, at: str | None) -> None:
    """Move the incident to PHASE."""
    _set_phase(ref, phase, reason, force, at)


@incident.command(epilog=example("firebell incident role INC-3 commander --give jun@example.org"))
@click.argument("ref")
@click.argument("role", type=_ROLE)
@click.option("--give", help="Email address or id of the person. Default: yourself.")
@as_json
def role(ref: str, role: str, give: str | None) -> None:
    """Assign a role to yourself or someone else."""
    body: dict[str, Any] = {"role": role}
    if give:
        body["person_id"] = person_id_of(give)
    fields = call("POST", _address(ref, "/roles"), body)
    holders = ", ".join(r["person"] for r in fields["roles"] if r["role"] == role)
    show(fields, f"{role} of {fields['ref']}: {holders}")


@incident.command(epilog=example("firebell incident link INC-3 PG-9"))
@click.argument("ref")
@click.argument("page")
@as_json
def link(ref: str, page: str) -> None:
    """Link PAGE to the incident."""
    fields = call("POST", _address(ref, "/pages"), {"page": page})
    show(fields, f"Pages of {fields['ref']}: {', '.join(fields['pages'])}.")


@incident.command(epilog=example("firebell incident canvas INC-3 --needs 'a database expert'"))
@click.argument("ref")
@click.option("--conditions", help="What is known.")
@click.option("--actions", help="What is being done.")
@click.option("--needs", help="What is needed.")
@as_json
def canvas(ref: str, conditions: str | None, actions: str | None, needs: str | None) -> None:
    """Change the conditions, actions and needs of an incident.

    What you leave out stays as it is.
    """
    current = call("GET", _address(ref))
    values = {"conditions": conditions, "actions": actions, "needs": needs}
    body = {name: current[name] if value is None else value for name, value in values.items()}
    fields = call("PUT", _address(ref, "/canvas"), body)
    show(fields, "\n".join(f"{name}: {fields[name] or '-'}" for name in values))


@incident.command(
    epilog=example(
        "firebell incident messages INC-3", "firebell incident messages INC-3 status-investigating"
    )
)
@click.argument("ref")
@click.argument("template_id", metavar="[ID]", default="")
@click.option("--tz", default="UTC", show_default=True, help="Time zone of the times.")
@as_json
def messages(ref: str, template_id: str, tz: str) -> None:
    """List drafts of messages about an incident. With ID, print one."""
    drafts = call("GET", _address(ref, "/messages"), tz=tz)
    if not template_id:
        rows = [[m["id"], "now" if m["fits"] else "", ", ".join(m["missing"]), m["title"]] for m in drafts]
        show(drafts, table(("MESSAGE", "SUGGESTED", "STILL TO FILL IN", "TITLE"), rows, wide=2))
        return
    message = next((m for m in drafts if m["id"] == template_id), None)
    if message is None:
        ids = ", ".join(m["id"] for m in drafts)
        fail(f"There is no message {template_id}.", f"Messages: {ids}.")
    show(message, message["text"])
    if message["missing"] and not wants_json():
        echo(f"Still to fill in: {', '.join(message['missing'])}.", err=True)


@incident.command(epilog=example("firebell incident resolve INC-3"))
@click.argument("ref")
@as_json
def resolve(ref: str) -> None:
    """Mark the impact as ended and start monitoring."""
    _set_phase(ref, "monitoring")


@incident.command(epilog=example("firebell incident close INC-3"))
@click.argument("ref")
@click.option("--reason", default="", help="Reason for the timeline.")
@click.option("--force", is_flag=True, help="Do not wait for 30 stable minutes; needs --reason.")
@as_json
def close(ref: str, reason: str, force: bool) -> None:
    """Close the incident after 30 stable minutes."""
    _set_phase(ref, "closed", reason, force)


@incident.command(epilog=example("firebell incident reopen INC-3 --reason 'Errors are back'"))
@click.argument("ref")
@click.option("--reason", default="", help="Reason for the timeline.")
@as_json
def reopen(ref: str, reason: str) -> None:
    """Reopen an incident within 24 hours of its closing."""
    _set_phase(ref, "investigating", reason)


@incident.command(epilog=example("firebell incident dismiss INC-3 --reason 'A test that ran on production'"))
@click.argument("ref")
@click.option("--reason", required=True, help="Why it is a false alarm.")
@as_json
def dismiss(ref: str, reason: str) -> None:
    """Dismiss an incident as a false alarm."""
    _set_phase(ref, "dismissed", reason)


@incident.command(
    epilog=example(
        "firebell incident postmortem INC-3 > inc-3.md",
        "firebell incident postmortem INC-3 --save inc-3.md --version 1",
        "firebell incident postmortem INC-3 --publish",
    )
)
@click.argument("ref")
@click.option("--save", type=click.File(encoding="utf-8"), help="Save this Markdown file as the new text.")
@click.option("--version", type=click.IntRange(1), help="The version that the file is based on.")
@click.option("--publish", is_flag=True, help="Publish the post-mortem.")
@as_json
def postmortem(ref: str, save: Any, version: int | None, publish: bool) -> None:
    """Print the post-mortem as Markdown.

    If there is none yet, it is drafted from the timeline. --save never overwrites what someone else saved
    since --version.
    """
    path = f"/api/v1/post-mortems/{seg(ref)}"
    if save and version is None:
        fail("The version is missing.", "Pass --version, the number printed with the text.", USAGE)
    document = call("POST", path)
    if save:
        try:
            body = save.read()
        except UnicodeDecodeError:
            fail(f"{save.name} is not UTF-8 text.", "Save it as UTF-8.", USAGE)
        document = call("PUT", path, {"body": body, "version": version})
    if publish:
        document = call("POST", f"{path}/publish")
    state = f"Post-mortem of {document['ref']}: {document['state']}, version {document['version']}"
    if save or publish:
        show(document, f"{state}.")
        return
    show(document, document["body"])
    if not wants_json():
        echo(f"{state}, due {local(document['due_at'])}.", err=True)


for command in (
    *(clocks, record_fact, drafts, draft, draft_step, check, waive, task, attach, export, graph),
    *(declare, incident_page, similar, watch),
    *incident_reporting.COMMANDS,
    *incident_closing.COMMANDS,
    *incident_cost.COMMANDS,
    *incident_relations.COMMANDS,
):
    incident.add_command(command)
