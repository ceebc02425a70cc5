"""`firebell action`: list action items; add, accept, pass on, start, finish, drop, reopen and move them."""

from typing import Any

import click

from firebell.commands.client import call, call_all, call_first, seg
from firebell.commands.output import as_json, example, fail, short, show, show_table
from firebell.commands.people import person_id_of

_KINDS = click.Choice(["prevent", "detect", "mitigate", "process"])
_STRENGTHS = click.Choice(["eliminate", "automate", "guard", "warn", "document"])
_STATES = click.Choice(["open", "in_progress", "done", "dropped", "duplicate"])


def _address(ref: str, suffix: str = "") -> str:
    return f"/api/v1/action-items/{seg(ref)}{suffix}"


def _names() -> dict[int, str]:
    return {p["id"]: p["name"] for p in call_all("/api/v1/people")}


def _owner(item: dict[str, Any], names: dict[int, str]) -> str:
    name = names.get(item["owner_id"], "-")
    return name if item["accepted"] or item["owner_id"] is None else f"{name} (proposed)"


def _due(item: dict[str, Any]) -> str:
    return f"{item['due']}, {item['overdue_days']} d overdue" if item["overdue_days"] else item["due"]


def _line(item: dict[str, Any]) -> str:
    state = item["state"].replace("_", " ")
    flag = ", without evidence" if item["without_evidence"] else ""
    return f"{item['ref']} is {state}{flag}, due {item['due']}: {item['title']}"


@click.group()
def action() -> None:
    """Action items: what changes after an incident."""


@action.command(
    "list",
    epilog=example("firebell action list --owner me", "firebell action list --team payments --due overdue"),
)
@click.option("--state", type=_STATES, multiple=True, help="Default: open and in progress.")
@click.option("--all", "every", is_flag=True, help="In every state.")
@click.option("--owner", help="`me`, an email address or an id.")
@click.option("--team", metavar="SLUG")
@click.option("--incident", metavar="REF")
@click.option("--kind", type=_KINDS)
@click.option("--priority", type=click.Choice(["1", "2", "3"]))
@click.option("--due", type=click.Choice(["overdue", "week", "named"]))
@click.option("--limit", type=click.IntRange(1, 10_000), default=50, show_default=True)
@as_json
def list_(state: tuple[str, ...], every: bool, owner: str | None, limit: int, **filters: str | None) -> None:
    """List action items, newest first."""
    owner = owner if owner in (None, "me") else str(person_id_of(owner))
    states = None if every else list(state or ("open", "in_progress"))
    items = call_first("/api/v1/action-items", limit, state=states, owner=owner, **filters)
    names = _names() if items else {}
    rows = [
        [
            i["ref"],
            i["state"].replace("_", " "),
            str(i["priority"]),
            _owner(i, names),
            _due(i),
            i["incident"] or "-",
            i["title"],
        ]
        for i in items
    ]
    head = ("ITEM", "STATE", "P", "OWNER", "DUE", "INCIDENT", "TITLE")
    show_table(items, head, rows, wide=6, empty="No action items.")


@action.command("show", epilog=example("firebell action show ACT-7"))
@click.argument("ref")
@as_json
def show_(ref: str) -> None:
    """Show action item REF with its history."""
    item, names = call("GET", _address(ref)), _names()
    events = call("GET", _address(ref, "/events"))
    lines = [
        _line(item),
        f"  {item['kind']}, {item['strength']}, priority {item['priority']}, incident {item['incident'] or '-'}",
        f"  owner {_owner(item, names)}, put off {item['moved']} times",
    ]
    lines += [f"  blocked: {item['blocked_reason']}"] if item["blocked_reason"] else []
    lines += [f"  evidence: {link['url']}" for link in item["evidence"]]
    lines += [f"  dropped: {item['dropped_reason']}"] if item["dropped_reason"] else []
    for e in events:
        note = f" ({e['note']})" if e["note"] else ""
        change = e["new"] if e["field"] == "added" else f"{e['old'] or '-'} -> {e['new'] or '-'}"
        lines.append(f"  {short(e['at'])}  {e['by']}: {e['field']} {change}{note}".replace("\n", " "))
    show({**item, "events": events}, "\n".join(lines))


@action.command(
    "add",
    epilog=example(
        "firebell action add 'Add a timeout to the card client' --incident INC-3 --owner jun@example.org",
        "firebell action add 'Alert on failed label prints' --kind detect --priority 1 --due 2026-12-14",
    ),
)
@click.argument("title")
@click.option("--incident", metavar="REF")
@click.option("--detail", default="")
@click.option("--kind", type=_KINDS, default="prevent", show_default=True)
@click.option("--strength", type=_STRENGTHS, default="guard", show_default=True)
@click.option("--priority", type=click.IntRange(1, 3), default=2, show_default=True)
@click.option("--owner", help="An email address or an id. They accept it, or pass it on.")
@click.option("--due", metavar="DAY", help="A working day. Default: 14, 30 or 90 days by priority.")
@as_json
def add(owner: str | None, due: str | None, **values: Any) -> None:
    """Add an action item."""
    body = {**values, "owner_id": person_id_of(owner) if owner else None, "due": due}
    item = call("POST", "/api/v1/action-items", body)
    show(item, _line(item))


@action.command("accept", epilog=example("firebell action accept ACT-7"))
@click.argument("ref")
@as_json
def accept(ref: str) -> None:
    """Accept action item REF, which was proposed to you or has no owner."""
    item = call("POST", _address(ref, "/accept"))
    show(item, f"You own {item['ref']}, due {item['due']}.")


@action.command(
    "pass", epilog=example("firebell action pass ACT-7 --to jun@example.org --note 'Your service'")
)
@click.argument("ref")
@click.option("--to", "owner", required=True, help="An email address or an id, or `none`.")
@click.option("--note", default="")
@as_json
def pass_(ref: str, owner: str, note: str) -> None:
    """Pass action item REF on to someone else."""
    owner_id = None if owner == "none" else person_id_of(owner)
    item = call("POST", _address(ref, "/assign"), {"owner_id": owner_id, "note": note})
    show(item, f"{item['ref']} is {'proposed to ' + owner if owner_id else 'without an owner'}.")


def _set_state(ref: str, state: str, **more: Any) -> None:
    item = call("POST", _address(ref, "/state"), {"state": state, **more})
    show(item, _line(item))


@action.command("start", epilog=example("firebell action start ACT-7"))
@click.argument("ref")
@as_json
def start(ref: str) -> None:
    """Start action item REF."""
    _set_state(ref, "in_progress")


@action.command(
    "done",
    epilog=example(
        "firebell action done ACT-7 --evidence https://git.example.org/pay/pull/7",
        "firebell action done ACT-7 --evidence /runbooks/failover --kind runbook",
    ),
)
@click.argument("ref")
@click.option("--evidence", multiple=True, metavar="URL", help="A link that proves it; can be repeated.")
@click.option(
    "--kind", type=click.Choice(["commit", "change", "runbook", "graph", "document"]), default="change"
)
@as_json
def done(ref: str, evidence: tuple[str, ...], kind: str) -> None:
    """Mark action item REF as done; without evidence it is flagged."""
    _set_state(ref, "done", evidence=[{"kind": kind, "url": url} for url in evidence])


@action.command("drop", epilog=example("firebell action drop ACT-7 --reason 'The service is retired'"))
@click.argument("ref")
@click.option("--reason", required=True)
@click.option("--accept-risk", is_flag=True, help="You accept the risk; the owner can't.")
@as_json
def drop(ref: str, reason: str, accept_risk: bool) -> None:
    """Drop action item REF; the owner can't drop one of priority 1."""
    _set_state(ref, "dropped", reason=reason, accepts_risk=accept_risk)


@action.command("duplicate", epilog=example("firebell action duplicate ACT-7 --of ACT-5"))
@click.argument("ref")
@click.option("--of", "original", required=True, metavar="REF")
@as_json
def duplicate(ref: str, original: str) -> None:
    """Mark action item REF as a duplicate of another one that is open."""
    _set_state(ref, "duplicate", duplicate_of=original)


@action.command("reopen", epilog=example("firebell action reopen ACT-7 --reason 'It happened again'"))
@click.argument("ref")
@click.option("--reason", required=True)
@as_json
def reopen(ref: str, reason: str) -> None:
    """Reopen action item REF."""
    _set_state(ref, "open", reason=reason)


@action.command(
    "move",
    epilog=example(
        "firebell action move ACT-7 2026-12-14",
        "firebell action move ACT-7 ACT-9 2026-12-14 --reason 'The team is on call'",
    ),
)
@click.argument("refs", nargs=-1, required=True)
@click.argument("due", metavar="DAY")
@click.option("--reason", default="", help="Required for several items, and from the second time on.")
@as_json
def move(refs: tuple[str, ...], due: str, reason: str) -> None:
    """Change the due day of action items REFS, all or none."""
    if len(refs) == 1:
        items = [call("POST", _address(refs[0], "/due"), {"due": due, "reason": reason})]
    else:
        body = {"items": list(refs), "due": due, "reason": reason}
        items = call("POST", "/api/v1/action-items/bulk/due", body)
    show(items[0] if len(refs) == 1 else items, "\n".join(_line(item) for item in items))


@action.command("completion", epilog=example("firebell action completion --team payments"))
@click.option("--team", metavar="SLUG")
@as_json
def completion(team: str | None) -> None:
    """Show the share of action items of the last 90 days that were done in time."""
    result = call("GET", "/api/v1/action-item-completion", team=team)
    if result["share"] is None:
        text = "No action item was due."
    else:
        text = f"{result['done']} of {result['due']} done in time ({result['share']:.0%}; the target is above 90%)."
    show(result, f"{text} {result['in_grace']} more are within 7 days after their due day.")


def _issue(link: dict[str, Any]) -> str:
    issue = f"{link['issue']} {link['url']}".strip() or "a new issue"
    problem = f": {link['error']}" if link["error"] else ""
    return f"{link['tracker']}: {issue} ({link['state']}){problem}"


@action.command(
    "link",
    epilog=example(
        "firebell action link ACT-7 --tracker 1",
        "firebell action link ACT-7 --tracker 1 --issue 412",
        "firebell action link ACT-7",
    ),
)
@click.argument("ref")
@click.option("--tracker", "tracker_id", type=click.IntRange(1), help="Default: list the issues of REF.")
@click.option("--issue", default="", help="An existing issue by number, key or address. Default: a new one.")
@as_json
def link(ref: str, tracker_id: int | None, issue: str) -> None:
    """Link action item REF to a new or an existing issue, or list its issues."""
    if tracker_id is None:
        if issue:
            fail("--issue needs --tracker.", "List trackers with: firebell tracker list")
        links = call("GET", _address(ref, "/links"))
        show(links, "\n".join(_issue(each) for each in links) or f"{ref} has no issues.")
        return
    new = call("POST", _address(ref, "/links"), {"tracker_id": tracker_id, "issue": issue})
    show(new, f"{ref} is linked to {_issue(new)}")


@action.command("unlink", epilog=example("firebell action unlink ACT-7 --tracker 1"))
@click.argument("ref")
@click.option("--tracker", "tracker_id", type=click.IntRange(1), required=True)
@as_json
def unlink(ref: str, tracker_id: int) -> None:
    """Unlink action item REF from its issue in a tracker; the issue stays as it is."""
    links = [each for each in call("GET", _address(ref, "/links")) if each["tracker_id"] == tracker_id]
    if not links:
        fail(
            f"{ref} has no issue in tracker {tracker_id}.",
            f"List its issues with: firebell action link {ref}",
        )
    call("DELETE", _address(ref, f"/links/{links[0]['id']}"))
    show(links[0], f"{ref} is unlinked from {links[0]['issue'] or links[0]['tracker']}.")
