"""`firebell service`: manage services, their changes and integration keys."""

from typing import Any

import click

from firebell.commands.client import call, call_all, seg, target
from firebell.commands.ids import ID
from firebell.commands.lookup import team_id
from firebell.commands.output import (
    as_json,
    example,
    fail,
    local,
    pairs,
    short,
    show,
    show_removed,
    show_table,
    table,
)
from firebell.commands.service_dependency import dependency
from firebell.commands.service_files import export, import_
from firebell.commands.service_filters import NOT_READY, QUERY, TEAM, TIER, UNHEALTHY, chosen_state
from firebell.commands.service_map import service_map
from firebell.commands.service_state import state_label


@click.group()
def service() -> None:
    """Manage services and their integration keys."""


service.add_command(dependency)
service.add_command(service_map)
service.add_command(export)
service.add_command(import_)


def _runbook_url(runbook: str) -> str:
    """Return the address of a runbook of the library, or the one that was entered."""
    if not runbook or "://" in runbook:
        return runbook
    chosen = call("GET", f"/api/v1/runbooks/{seg(runbook)}")
    if chosen["archived_at"]:
        fail(f"Runbook {runbook} was archived.", "Choose another: firebell runbook list.")
    return str(chosen["url"])


def _policy(slug: str) -> int:
    return int(call("GET", f"/api/v1/policies/{seg(slug)}")["id"])


@service.command("list", epilog=example("firebell service list", "firebell service list --unhealthy"))
@UNHEALTHY
@NOT_READY
@click.option("--deleted", is_flag=True, help="Only deleted services, with the slugs to restore them by.")
@TEAM
@TIER
@QUERY
@as_json
def list_(
    unhealthy: bool, not_ready: bool, deleted: bool, team: str | None, tier: int | None, query: str | None
) -> None:
    """List services with their states."""
    health = chosen_state(unhealthy=unhealthy, not_ready=not_ready, deleted=deleted)
    matching = call_all("/api/v1/services", health=health, team=team, tier=tier, q=query)
    services = sorted(matching, key=lambda s: str(s["name"]).casefold())
    policies = {p["id"]: p["slug"] for p in call_all("/api/v1/policies")}
    rows = [
        [
            s["slug"],
            f"{s['state']}, {s['ref']}" if s["ref"] else state_label(s["state"]),
            policies.get(s["policy_id"], "fallback responders"),
            s["description"] or s["name"],
        ]
        for s in services
    ]
    show_table(services, ("SERVICE", "STATE", "POLICY", "ABOUT"), rows, wide=3, empty="No services.")


@service.command("show", epilog=example("firebell service show checkout"))
@click.argument("slug")
@as_json
def show_(slug: str) -> None:
    """Show service SLUG with its pages, incidents and alerts."""
    fields = call("GET", f"/api/v1/services/{seg(slug)}")
    state, people = fields["state"], fields["on_call"]
    because = f" because of {state['ref']}" if state["ref"] else ""
    since = f" since {local(state['since'])}" if state["since"] else ""
    lines = [
        click.style(f"{fields['name']} ({fields['slug']})", bold=True),
        *([f"  deleted: {local(fields['deleted_at'])}"] if fields["deleted_at"] else []),
        f"  state: {state_label(state['state'])}{since}{because}",
        f"  on call: {'-' if people is None else ', '.join(p['name'] for p in people) or 'no one'}",
        f"  policy: {fields['policy'] or 'none, pages go to the fallback responders'}",
        f"  team: {fields['team']}",
        f"  about: {fields['description'] or '-'}",
        f"  tier: {fields['tier'] or '-'}",
        f"  labels: {', '.join(f'{name}={value}' for name, value in fields['labels'].items()) or '-'}",
        f"  runbook: {fields['runbook_url'] or '-'}",
        *(f"  {link['title']}: {link['url']}" for link in fields["links"]),
    ]
    parts = [
        ("Runbooks", [[r["slug"], _exercised(r), r["title"]] for r in fields["runbooks"] or []]),
        ("Open pages", [[p["ref"], p["state"], p["title"]] for p in fields["open_pages"]]),
        ("Last incidents", [[i["ref"], i["severity"], i["title"]] for i in fields["incidents"] or []]),
        ("Last pages", [[p["ref"], _acked(p["acked_after_s"]), p["title"]] for p in fields["last_pages"]]),
        ("Alerts", [[str(a["id"]), a["status"], a["title"]] for a in fields["alerts"]]),
    ]
    tables = [f"\n{title}\n{table(('REF', 'STATE', 'TITLE'), rows, wide=2)}" for title, rows in parts if rows]
    show(fields, "\n".join([*lines, *tables]))


def _exercised(runbook: dict[str, Any]) -> str:
    """Return when a runbook was last exercised, and its automation level."""
    at = runbook["last_exercised"]
    return f"{f'exercised {local(at)}' if at else 'never exercised'}, L{runbook['automation_level']}"


def _labels(options: tuple[str, ...]) -> dict[str, str]:
    """Return the labels of options such as region=eu; an empty option stands for none."""
    return pairs(list(filter(None, options)), "NAME=VALUE", "--label region=eu")


def _links(options: tuple[tuple[str, str], ...]) -> list[dict[str, str]]:
    return [{"title": title, "url": url} for title, url in options if title or url]


def _acked(seconds: int | None) -> str:
    """Return how long it took until a page was first acknowledged."""
    return "not acknowledged" if seconds is None else f"acknowledged after {seconds // 60}:{seconds % 60:02}"


@service.command(epilog=example("firebell service add Search --team payments --policy payments"))
@click.argument("name")
@click.option("--team", required=True, help="Slug or id of the team that owns the service.")
@click.option("--policy", help="Slug of an escalation policy. Default: the fallback responders.")
@click.option("--description", default="", help="What the service does.")
@click.option("--runbook", default="", help="Slug of a runbook, or a web address.")
@click.option("--tier", type=click.IntRange(1, 3), help="1 critical, 2 standard, 3 internal.")
@click.option("--label", multiple=True, help="A label such as region=eu; repeatable.")
@click.option(
    "--link",
    multiple=True,
    type=(str, str),
    metavar="TITLE URL",
    help="A web page about the service; repeatable.",
)
@as_json
def add(
    name: str,
    team: str,
    policy: str | None,
    description: str,
    runbook: str,
    tier: int | None,
    label: tuple[str, ...],
    link: tuple[tuple[str, str], ...],
) -> None:
    """Add a service called NAME."""
    body = {
        "name": name,
        "team_id": team_id(team),
        "policy_id": _policy(policy) if policy else None,
        "description": description,
        "runbook_url": _runbook_url(runbook),
        "tier": tier,
        "labels": _labels(label),
        "links": _links(link),
    }
    added = call("POST", "/api/v1/services", body)
    show(added, f"Added {added['slug']}. Create an integration key: firebell service key add {added['slug']}")


@service.command(
    "set", epilog=example("firebell service set checkout --policy payments --tier 1 --label region=eu")
)
@click.argument("slug")
@click.option("--policy", help="Slug of an escalation policy, or 'none' for the fallback responders.")
@click.option("--team", help="Slug or id of the team that owns the service.")
@click.option("--description", help="What the service does.")
@click.option("--runbook", help="Slug of a runbook, or a web address; '' for none.")
@click.option("--tier", type=click.IntRange(0, 3), help="1 critical, 2 standard, 3 internal, 0 for none.")
@click.option(
    "--label", multiple=True, help="A label such as region=eu; repeatable; replaces all; '' for none."
)
@click.option(
    "--link",
    multiple=True,
    type=(str, str),
    metavar="TITLE URL",
    help="A web page; repeatable; replaces all; '' '' for none.",
)
@as_json
def set_(
    slug: str,
    policy: str | None,
    team: str | None,
    description: str | None,
    runbook: str | None,
    tier: int | None,
    label: tuple[str, ...],
    link: tuple[tuple[str, str], ...],
) -> None:
    """Change service SLUG; what you leave out stays as it is."""
    body: dict[str, object] = {}
    if policy is not None:
        body["policy_id"] = None if policy == "none" else _policy(policy)
    if team is not None:
        body["team_id"] = team_id(team)
    texts = {
        "description": description,
        "runbook_url": None if runbook is None else _runbook_url(runbook),
    }
    body |= {name: value for name, value in texts.items() if value is not None}
    if tier is not None:
        body["tier"] = tier or None
    if label:
        body["labels"] = _labels(label)
    if link:
        body["links"] = _links(link)
    changed = call("PATCH", f"/api/v1/services/{seg(slug)}", body)
    show(changed, f"Changed {changed['slug']}.")


@service.command(epilog=example("firebell service rename checkout 'Checkout and payments'"))
@click.argument("slug")
@click.argument("name")
@as_json
def rename(slug: str, name: str) -> None:
    """Rename service SLUG; its slug stays, and alerts that carry the earlier name still belong to it."""
    renamed = call("PATCH", f"/api/v1/services/{seg(slug)}", {"name": name})
    show(renamed, f"Renamed {renamed['slug']} to {renamed['name']}.")


@service.command(epilog=example("firebell service delete checkout"))
@click.argument("slug")
@as_json
def delete(slug: str) -> None:
    """Delete service SLUG, if nothing uses it; its pages, incidents and alerts are kept."""
    answer = call("DELETE", f"/api/v1/services/{seg(slug)}")
    kept = answer["slug"]
    show_removed(
        answer,
        {"deleted": slug, "slug": kept},
        f"Deleted {slug}. To restore it: firebell service restore {kept}.",
    )


@service.command(epilog=example("firebell service restore checkout-deleted-7"))
@click.argument("slug")
@as_json
def restore(slug: str) -> None:
    """Restore a deleted service. SLUG is its new one, such as checkout-deleted-7."""
    restored = call("POST", f"/api/v1/services/{seg(slug)}/restore")
    show(restored, f"Restored {restored['slug']}.")


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
    """List deployments and other changes of service SLUG, newest first."""
    listed = call("GET", "/api/v1/changes", service=slug, limit=limit)
    show(listed, "\n".join(change_lines(listed)) or "No changes yet.")


@service.group()
def key() -> None:
    """Manage the integration keys of a service."""


@key.command("list", epilog=example("firebell service key list checkout"))
@click.argument("slug")
@as_json
def key_list(slug: str) -> None:
    """List the valid integration keys of service SLUG."""
    keys = call_all(f"/api/v1/services/{seg(slug)}/integrations")
    rows = [[str(k["id"]), k["name"], k["masked_key"], short(k["created_at"])] for k in keys]
    show_table(keys, ("ID", "NAME", "KEY", "CREATED"), rows, wide=1, empty="No integration keys yet.")


@key.command("add", epilog=example("firebell service key add checkout --name Alertmanager"))
@click.argument("slug")
@click.option("--name", default="Command line", show_default=True, help="What will use the key.")
@as_json
def key_add(slug: str, name: str) -> None:
    """Create an integration key for service SLUG."""
    _show_key(call("POST", f"/api/v1/services/{seg(slug)}/integrations", {"name": name}))


@key.command("reveal", epilog=example("firebell service key reveal checkout 3"))
@click.argument("slug")
@click.argument("key_id", type=ID)
@as_json
def key_reveal(slug: str, key_id: int) -> None:
    """Show the whole key; the audit log records this."""
    _show_key(call("POST", f"/api/v1/services/{seg(slug)}/integrations/{key_id}/reveal"))


def _show_key(integration: dict[str, Any]) -> None:
    from firebell.alerts.source_base.registry import registry

    url, secret = target()[0], integration["key"]
    guides = [source.guide(url, secret) for source in registry().sources if source.address]
    width = max(len(guide.title) for guide in guides)
    lines = [
        f"  {guide.title:{width}}  {guide.address}{f' with this {guide.key_field}' if guide.key_field else ''}"
        for guide in guides
    ]
    hint = "Set up a tool: firebell alert sources"
    show(integration, "\n".join([f"Key {integration['id']}: {secret}", *lines, hint]))


@key.command(
    "set",
    epilog=example(
        "firebell service key set checkout 3 --drop-label pod_template_hash",
        "firebell service key set checkout 3 --flapping-changes 0",
    ),
)
@click.argument("slug")
@click.argument("key_id", type=ID)
@click.option("--drop-label", multiple=True, help="Label to remove from alerts; repeatable; '' for none.")
@click.option(
    "--flapping-changes",
    type=click.IntRange(0, 20),
    help="Changes within an hour at which an alert flaps, 3 to 20; 0 for never.",
)
@as_json
def key_set(slug: str, key_id: int, drop_label: tuple[str, ...], flapping_changes: int | None) -> None:
    """Change how the alerts of integration KEY_ID of service SLUG are handled."""
    path = f"/api/v1/services/{seg(slug)}/integrations"
    current = next((k for k in call_all(path) if k["id"] == key_id), None)
    if current is None:
        fail(f"{slug} has no active key {key_id}.", f"See firebell service key list {slug}.")
    fields = {
        "drop_labels": [label for label in drop_label if label] if drop_label else current["drop_labels"],
        "flapping_changes": current["flapping_changes"] if flapping_changes is None else flapping_changes,
    }
    saved = call("PUT", f"{path}/{key_id}", fields)
    changes, labels = saved["flapping_changes"], ", ".join(saved["drop_labels"])
    flaps = f"flap at {changes} changes within an hour" if changes else "never flap"
    show(saved, f"{saved['name']}: alerts {flaps}, {f'without {labels}' if labels else 'with all labels'}.")


@key.command("revoke", epilog=example("firebell service key revoke checkout 3"))
@click.argument("slug")
@click.argument("key_id", type=ID)
@as_json
def key_revoke(slug: str, key_id: int) -> None:
    """Revoke a key; it stops working within five seconds."""
    answer = call("DELETE", f"/api/v1/services/{seg(slug)}/integrations/{key_id}")
    show_removed(answer, {"revoked": key_id}, f"Revoked key {key_id} of {slug}.")
