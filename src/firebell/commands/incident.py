"""`firebell incident`: from the declaration to the post-mortem."""

from typing import Any

import click

from firebell.commands.client import call, call_all, call_first, seg
from firebell.commands.output import (
    USAGE,
    Refused,
    as_json,
    echo,
    example,
    fail,
    local,
    short,
    show,
    table,
    wait,
    wants_json,
)

_ROLE = click.Choice(["commander", "comms", "sme", "scribe", "responder"])
_KIND = click.Choice(["note", "update", "finding", "decision", "mitigation"])
_ANY_PHASE = click.Choice(
    ["declared", "investigating", "mitigating", "monitoring", "closed", "reviewed", "dismissed"]
)
_PHASE = click.Choice(["investigating", "mitigating", "monitoring", "closed", "reviewed", "dismissed"])


def words(found: dict[str, Any]) -> str:
    """Return an incident in one line."""
    drill = " (drill)" if found["drill"] else ""
    return f"{found['ref']} {found['severity']} is {found['phase']}{drill}: {found['title']}"


def _at(ref: str, what: str = "") -> str:
    return f"/api/v1/incidents/{seg(ref)}{what}"


def _entry(ref: str, kind: str, text: str) -> None:
    found = call("POST", _at(ref, "/entries"), {"text": text, "kind": kind})
    due = f" The next update is due {short(found['update_due_at'])}." if found["update_due_at"] else ""
    show(found, f"Written into {found['ref']}.{due if kind == 'update' else ''}")


def _phase(ref: str, phase: str, reason: str = "", force: bool = False) -> None:
    body = {"phase": phase, "reason": reason, "force": force}
    try:
        found = call("POST", _at(ref, "/phase"), body)
    except Refused as error:
        if error.problem.get("hint", "").startswith("Give a reason"):
            error.problem["hint"] = (
                f"All the same: firebell incident phase {ref} {phase} --force --reason ..."
            )
        raise
    show(found, words(found))


@click.group()
def incident() -> None:
    """Work on incidents."""


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
    help=f"{', '.join(_ANY_PHASE.choices)}; default those that are open; repeatable.",
)
@click.option("--drill", is_flag=True, help="Drills instead of real ones.")
@click.option("--severity", multiple=True, metavar="SEV", help="SEV0 to SEV3; repeatable.")
@click.option("--service", help="Slug of a service.")
@click.option("--commander", help="Email address or id of the commander, or me.")
@click.option("--month", metavar="YYYY-MM", help="Declared in this month (UTC).")
@click.option("--query", "q", help="Words that the title has, each of them.")
@click.option(
    "--postmortem-due", is_flag=True, help="In any phase, with a post-mortem that is not published."
)
@click.option("--sort", type=click.Choice(["newest", "longest"]), default="newest", show_default=True)
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@as_json
def list_(
    phase: tuple[str, ...],
    drill: bool,
    severity: tuple[str, ...],
    service: str | None,
    commander: str | None,
    month: str | None,
    q: str | None,
    postmortem_due: bool,
    sort: str,
    limit: int,
) -> None:
    """List incidents, the newest first."""
    found = call_first(
        "/api/v1/incidents",
        limit,
        phase=list(phase) or None,
        drill="true" if drill else None,
        severity=list(severity) or None,
        service=service,
        commander=commander,
        month=month,
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
        for i in found
    ]
    head = ("INCIDENT", "SEV", "PHASE", "COMMANDER", "DECLARED", "TITLE")
    show(found, table(head, rows, wide=5) if rows else "No incidents match.")


@incident.command("show", epilog=example("firebell incident show INC-3"))
@click.argument("ref")
@as_json
def show_(ref: str) -> None:
    """Show incident REF, who does what, and what may come next."""
    found = call("GET", _at(ref))
    lines = [click.style(words(found), bold=True), f"  declared {local(found['declared_at'])}"]
    if found["update_due_at"]:
        due_at = found["update_due_at"]
        lines.append(f"  update due {local(due_at)}, {wait(due_at, promise=True)}")
    named = {"services": found["services"], "pages": found["pages"]}
    lines += [f"  {name}: {', '.join(values)}" for name, values in named.items() if values]
    lines += [f"  {r['role']}: {r['person']}" for r in found["roles"]] or ["  nobody has a role"]
    canvas = ("summary", "conditions", "actions", "needs")
    lines += [f"  {name}: {found[name]}" for name in canvas if found[name]]
    lines += [f"  next {n['phase']}: {n['refusal'] or 'ready'}" for n in found["next"]]
    show(found, "\n".join(lines))


@incident.command(epilog=example("firebell incident timeline INC-3"))
@click.argument("ref")
@as_json
def timeline(ref: str) -> None:
    """Print the whole timeline, the oldest entry first."""
    found = sorted(call_all(_at(ref, "/timeline")), key=lambda e: int(e["id"]))
    show(found, "\n".join(f"{short(e['at'])}  {e['by']} [{e['kind']}]  {e['text']}" for e in found))


@incident.command(epilog=example("firebell incident note INC-3 'Rolled build 4812 back' --kind mitigation"))
@click.argument("ref")
@click.argument("text")
@click.option("--kind", type=_KIND, default="note", show_default=True)
@as_json
def note(ref: str, text: str, kind: str) -> None:
    """Write TEXT into the timeline."""
    _entry(ref, kind, text)


@incident.command(epilog=example("firebell incident update INC-3 'Errors fall, 2% now'"))
@click.argument("ref")
@click.argument("text", default="No change since the last update.")
@as_json
def update(ref: str, text: str) -> None:
    """Give the update that is due; without TEXT: no change."""
    _entry(ref, "update", text)


@incident.command(epilog=example("firebell incident severity INC-3 SEV2 --reason 'one region only'"))
@click.argument("ref")
@click.argument("severity")
@click.option("--reason", default="", help="Needed to lower it.")
@as_json
def severity(ref: str, severity: str, reason: str) -> None:
    """Raise or lower the severity. Raising acts at once and pages."""
    found = call("POST", _at(ref, "/severity"), {"severity": severity, "reason": reason})
    show(found, words(found))


@incident.command(epilog=example("firebell incident phase INC-3 mitigating"))
@click.argument("ref")
@click.argument("phase", type=_PHASE)
@click.option("--reason", default="", help="Told in the timeline.")
@click.option("--force", is_flag=True, help="All the same, although a guard refuses; needs a reason.")
@as_json
def phase(ref: str, phase: str, reason: str, force: bool) -> None:
    """Move on to PHASE."""
    _phase(ref, phase, reason, force)


@incident.command(epilog=example("firebell incident role INC-3 commander --give jun@example.org"))
@click.argument("ref")
@click.argument("role", type=_ROLE)
@click.option("--give", help="E-mail address or id of somebody else.")
@as_json
def role(ref: str, role: str, give: str | None) -> None:
    """Take a role, or give it to somebody."""
    body: dict[str, Any] = {"role": role}
    if give:
        known = {k: p["id"] for p in call_all("/api/v1/people") for k in (p["email"], str(p["id"]))}
        if give.lower() not in known:
            fail(f"Nobody has the address or id {give}.", "Use an e-mail address such as jun@example.org.")
        body["person_id"] = known[give.lower()]
    found = call("POST", _at(ref, "/roles"), body)
    holders = ", ".join(r["person"] for r in found["roles"] if r["role"] == role)
    show(found, f"{role} of {found['ref']}: {holders}")


@incident.command(epilog=example("firebell incident link INC-3 PG-9"))
@click.argument("ref")
@click.argument("page")
@as_json
def link(ref: str, page: str) -> None:
    """Make PAGE part of the incident."""
    found = call("POST", _at(ref, "/pages"), {"page": page})
    show(found, f"{found['ref']} has {', '.join(found['pages'])}.")


@incident.command(epilog=example("firebell incident canvas INC-3 --needs 'somebody from the database team'"))
@click.argument("ref")
@click.option("--conditions", help="What is known.")
@click.option("--actions", help="What is being done.")
@click.option("--needs", help="What is needed.")
@as_json
def canvas(ref: str, conditions: str | None, actions: str | None, needs: str | None) -> None:
    """Say what is known, done and needed.

    What is not given stays as it is.
    """
    old = call("GET", _at(ref))
    given = {"conditions": conditions, "actions": actions, "needs": needs}
    body = {name: old[name] if value is None else value for name, value in given.items()}
    found = call("PUT", _at(ref, "/canvas"), body)
    show(found, "\n".join(f"{name}: {found[name] or '-'}" for name in given))


@incident.command(
    epilog=example(
        "firebell incident messages INC-3", "firebell incident messages INC-3 status-investigating"
    )
)
@click.argument("ref")
@click.argument("template_id", metavar="[ID]", default="")
@click.option("--tz", default="UTC", show_default=True, help="Whose clock the times are on.")
@as_json
def messages(ref: str, template_id: str, tz: str) -> None:
    """Print the messages about an incident, filled with what is known; with ID one of them, to be sent."""
    found = call("GET", _at(ref, "/messages"), tz=tz)
    if not template_id:
        rows = [[m["id"], "now" if m["fits"] else "", ", ".join(m["missing"]), m["title"]] for m in found]
        show(found, table(("MESSAGE", "FITS", "YOU FILL IN", "TITLE"), rows, wide=2))
        return
    one = next((m for m in found if m["id"] == template_id), None)
    if one is None:
        known = ", ".join(m["id"] for m in found)
        fail(f"There is no message {template_id}.", f"There are: {known}.")
    show(one, one["text"])
    if one["missing"] and not wants_json():
        echo(f"Still to be filled in: {', '.join(one['missing'])}.", err=True)


@incident.command(epilog=example("firebell incident resolve INC-3"))
@click.argument("ref")
@as_json
def resolve(ref: str) -> None:
    """Say that the impact ended; monitoring begins."""
    _phase(ref, "monitoring")


@incident.command(epilog=example("firebell incident close INC-3"))
@click.argument("ref")
@click.option("--reason", default="", help="Told in the timeline.")
@click.option("--force", is_flag=True, help="Without waiting for 30 stable minutes; needs a reason.")
@as_json
def close(ref: str, reason: str, force: bool) -> None:
    """Close after 30 stable minutes."""
    _phase(ref, "closed", reason, force)


@incident.command(
    epilog=example(
        "firebell incident postmortem INC-3 > inc-3.md",
        "firebell incident postmortem INC-3 --save inc-3.md --version 1",
        "firebell incident postmortem INC-3 --publish",
    )
)
@click.argument("ref")
@click.option("--save", type=click.File(encoding="utf-8"), help="Save this Markdown file as its text.")
@click.option("--version", type=click.IntRange(1), help="The version that the file was made from.")
@click.option("--publish", is_flag=True, help="Publish it.")
@as_json
def postmortem(ref: str, save: Any, version: int | None, publish: bool) -> None:
    """Print the post-mortem as Markdown.

    One that does not exist is drafted from the timeline. What somebody else saved since --version is never
    overwritten.
    """
    path = f"/api/v1/post-mortems/{seg(ref)}"
    if save and version is None:
        fail(
            "Which version was the file made from?", "Give --version, as it was printed with the text.", USAGE
        )
    found = call("POST", path)
    if save:
        try:
            body = save.read()
        except UnicodeDecodeError:
            fail(f"{save.name} is not UTF-8 text.", "", USAGE)
        found = call("PUT", path, {"body": body, "version": version})
    if publish:
        found = call("POST", f"{path}/publish")
    state = f"The post-mortem of {found['ref']} is {found['state']}, version {found['version']}"
    if save or publish:
        show(found, f"{state}.")
        return
    show(found, found["body"])
    if not wants_json():
        echo(f"{state}, due {local(found['due_at'])}.", err=True)
