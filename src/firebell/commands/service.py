"""`firebell service`: services, their changes, and the keys of their senders."""

from typing import Any

import click

from firebell.commands.client import call, call_all, seg, target
from firebell.commands.output import as_json, example, fail, local, short, show, show_removed, table


@click.group()
def service() -> None:
    """Services and their integration keys."""


def _team(name: str) -> int:
    teams = {key: t["id"] for t in call_all("/api/v1/teams") for key in (t["slug"], str(t["id"]))}
    if name not in teams:
        known = ", ".join(slug for slug in teams if not slug.isdecimal())
        fail(f"There is no team {name}.", f"There are: {known or 'none yet'}.")
    return int(teams[name])


@service.command("list", epilog=example("firebell service list"))
@as_json
def list_() -> None:
    """List every service."""
    found = sorted(call_all("/api/v1/services"), key=lambda s: str(s["name"]).casefold())
    policies = {p["id"]: p["slug"] for p in call_all("/api/v1/policies")}
    rows = [
        [s["slug"], policies.get(s["policy_id"], "catch-all list"), s["description"] or s["name"]]
        for s in found
    ]
    show(found, table(("SERVICE", "POLICY", "ABOUT"), rows, wide=2) if rows else "There is no service yet.")


@service.command("show", epilog=example("firebell service show checkout"))
@click.argument("slug")
@as_json
def show_(slug: str) -> None:
    """Show service SLUG: its state, who is on call, and its last pages, incidents and alerts."""
    shown = call("GET", f"/api/v1/services/{seg(slug)}")
    state, people = shown["state"], shown["on_call"]
    because = f" because of {state['ref']}" if state["ref"] else ""
    since = f" since {local(state['since'])}" if state["since"] else ""
    lines = [
        click.style(f"{shown['name']} ({shown['slug']})", bold=True),
        f"  state: {state['state']}{since}{because}",
        f"  on call: {'-' if people is None else ', '.join(p['name'] for p in people) or 'no one'}",
        f"  policy: {shown['policy'] or 'none, pages go to the fallback responders'}",
        f"  team: {shown['team']}",
        f"  about: {shown['description'] or '-'}",
        f"  runbook: {shown['runbook_url'] or '-'}",
    ]
    parts = [
        ("Open pages", [[p["ref"], p["state"], p["title"]] for p in shown["open_pages"]]),
        ("Last incidents", [[i["ref"], i["severity"], i["title"]] for i in shown["incidents"] or []]),
        ("Last pages", [[p["ref"], _acked(p["acked_after_s"]), p["title"]] for p in shown["last_pages"]]),
        ("Alerts", [[str(a["id"]), a["status"], a["title"]] for a in shown["alerts"]]),
    ]
    tables = [f"\n{title}\n{table(('REF', 'STATE', 'TITLE'), rows, wide=2)}" for title, rows in parts if rows]
    show(shown, "\n".join([*lines, *tables]))


def _acked(seconds: int | None) -> str:
    """Return how long a page waited for its first acknowledgement."""
    return "not acked" if seconds is None else f"acked after {seconds // 60}:{seconds % 60:02}"


@service.command(epilog=example("firebell service add Search --team payments --policy payments"))
@click.argument("name")
@click.option("--team", required=True, help="Slug or id of the team that owns it.")
@click.option("--policy", help="Slug of its policy; without one pages go to the catch-all list.")
@click.option("--description", default="")
@click.option("--runbook", default="", help="Web address of its runbook.")
@as_json
def add(name: str, team: str, policy: str | None, description: str, runbook: str) -> None:
    """Add a service called NAME."""
    body = {
        "name": name,
        "team_id": _team(team),
        "policy_id": call("GET", f"/api/v1/policies/{seg(policy)}")["id"] if policy else None,
        "description": description,
        "runbook_url": runbook,
    }
    found = call("POST", "/api/v1/services", body)
    show(found, f"Added {found['slug']}. Its senders need a key: firebell service key add {found['slug']}")


@service.command("set", epilog=example("firebell service set checkout --policy payments"))
@click.argument("slug")
@click.option("--policy", help="Slug of a policy, or 'none' for the catch-all list.")
@click.option("--team", help="Slug or id of a team.")
@click.option("--description")
@click.option("--runbook", help="Web address of its runbook; '' for none.")
@as_json
def set_(
    slug: str, policy: str | None, team: str | None, description: str | None, runbook: str | None
) -> None:
    """Change service SLUG; what is not given stays."""
    body: dict[str, object] = {}
    if policy is not None:
        none = policy == "none"
        body["policy_id"] = None if none else call("GET", f"/api/v1/policies/{seg(policy)}")["id"]
    if team is not None:
        body["team_id"] = _team(team)
    given = {"description": description, "runbook_url": runbook}
    body |= {name: value for name, value in given.items() if value is not None}
    found = call("PATCH", f"/api/v1/services/{seg(slug)}", body)
    show(found, f"Changed {found['slug']}.")


def change_lines(changes: list[dict[str, Any]]) -> list[str]:
    """Return one line per change event."""
    return [
        f"  {short(c['at'])}  {c['summary'][:80]}{' (' + c['source'] + ')' if c['source'] else ''}"
        for c in changes
    ]


@service.command("changes", epilog=example("firebell service changes checkout"))
@click.argument("slug")
@click.option("--limit", type=click.IntRange(1, 500), default=20, show_default=True)
@as_json
def changes(slug: str, limit: int) -> None:
    """List deployments and other changes of service SLUG, the newest first."""
    listed = call("GET", "/api/v1/changes", service=slug, limit=limit)
    show(listed, "\n".join(change_lines(listed)) or "No changes yet.")


@service.group()
def key() -> None:
    """The keys of a service's senders."""


@key.command("list", epilog=example("firebell service key list checkout"))
@click.argument("slug")
@as_json
def key_list(slug: str) -> None:
    """List the keys of service SLUG that are in force, each by its end."""
    found = call_all(f"/api/v1/services/{seg(slug)}/integrations")
    rows = [[str(k["id"]), k["name"], k["masked_key"], short(k["created_at"])] for k in found]
    show(found, table(("ID", "NAME", "KEY", "SINCE"), rows, wide=1) if rows else "There is no key yet.")


@key.command("add", epilog=example("firebell service key add checkout --name Alertmanager"))
@click.argument("slug")
@click.option("--name", default="Command line", show_default=True)
@as_json
def key_add(slug: str, name: str) -> None:
    """Make a key for a sender of service SLUG."""
    _show_key(call("POST", f"/api/v1/services/{seg(slug)}/integrations", {"name": name}))


@key.command("reveal", epilog=example("firebell service key reveal checkout 3"))
@click.argument("slug")
@click.argument("key_id", type=click.IntRange(1, 2**63 - 1))
@as_json
def key_reveal(slug: str, key_id: int) -> None:
    """Show the whole of a key; the audit log records that you did."""
    _show_key(call("POST", f"/api/v1/services/{seg(slug)}/integrations/{key_id}/reveal"))


def _show_key(integration: dict[str, Any]) -> None:
    url, secret = target()[0], integration["key"]
    lines = [
        f"Key {integration['id']}: {secret}",
        f"  Alertmanager  {url}/in/{secret}/alertmanager",
        f"  anything      {url}/in/{secret}/generic",
        f"  PagerDuty v2  {url}/v2/enqueue with this routing_key",
    ]
    show(integration, "\n".join(lines))


@key.command("revoke", epilog=example("firebell service key revoke checkout 3"))
@click.argument("slug")
@click.argument("key_id", type=click.IntRange(1, 2**63 - 1))
@as_json
def key_revoke(slug: str, key_id: int) -> None:
    """End a key; its senders are refused within five seconds."""
    answer = call("DELETE", f"/api/v1/services/{seg(slug)}/integrations/{key_id}")
    show_removed(answer, {"revoked": key_id}, f"Key {key_id} of {slug} is revoked.")
