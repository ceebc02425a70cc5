"""`firebell inhibition`: which firing alerts keep others from paging."""

from typing import Any

import click

from firebell.commands.client import call
from firebell.commands.output import as_json, example, show, show_table
from firebell.kit.text import plural


@click.group()
def inhibition() -> None:
    """Keep alerts from paging while a related alert fires."""


@inhibition.command("list", epilog=example("firebell inhibition list"))
@as_json
def list_() -> None:
    """List inhibition rules, their firing sources and the alerts that these inhibit."""
    listed = call("GET", "/api/v1/inhibition-rules")
    rows = [
        [
            *(
                str(one["id"]),
                one["name"],
                str(one["sources"]),
                str(one["inhibited"]),
                ", ".join(one["equal"]) or "-",
            ),
            f"{one['source_matchers']} > {one['target_matchers']}",
        ]
        for one in listed
    ]
    head = ("ID", "NAME", "SOURCES", "INHIBITED", "EQUAL", "SOURCE AND TARGET")
    show_table(listed, head, rows, wide=5, empty="No inhibition rules.")


@inhibition.command(
    "add",
    epilog=example(
        "firebell inhibition add 'Node down' --source alertname=NodeDown \\",
        "    --target 'alertname=~\"Disk.*|Net.*\"' --equal instance",
    ),
)
@click.argument("name")
@click.option("--source", required=True, help="Alerts that match this inhibit the targets while they fire.")
@click.option("--target", required=True, help="Alerts that match this page no one while a source fires.")
@click.option("--equal", multiple=True, help="Label that must have the same value in both; repeatable.")
@click.option(
    "--wait",
    type=click.IntRange(0, 60),
    default=15,
    show_default=True,
    help="Seconds that a target waits for its source.",
)
@click.option("--preview", is_flag=True, help="Only count what it would have inhibited in the last 30 days.")
@as_json
def add(name: str, source: str, target: str, equal: tuple[str, ...], wait: int, preview: bool) -> None:
    """Create inhibition rule NAME."""
    fields: dict[str, Any] = {
        "name": name,
        "source_matchers": source,
        "target_matchers": target,
        "equal": list(equal),
        "wait_s": wait,
    }
    if preview:
        _preview({field: value for field, value in fields.items() if field != "name"})
        return
    created = call("POST", "/api/v1/inhibition-rules", fields)
    show(created, f"Inhibition rule {created['id']} {created['name']} created.")


def _preview(fields: dict[str, Any]) -> None:
    counts = call("POST", "/api/v1/inhibition-rules/preview", fields)
    lines = [
        f"In the last 30 days it would have inhibited {counts['inhibited']} of {plural(counts['targets'], 'target')}:",
        f"{counts['hidden']} would have paged no one; {counts['released']} would have paged when the source ended.",
        f"Incidents that resulted from them: {', '.join(counts['incidents']) or 'none'}.",
        f"{plural(counts['waited'], 'other target')} would have paged after the wait.",
    ]
    show(counts, "\n".join(lines))


@inhibition.command("delete", epilog=example("firebell inhibition delete 3"))
@click.argument("rule_id", type=click.IntRange(min=1))
@as_json
def delete(rule_id: int) -> None:
    """Delete an inhibition rule; firing alerts that only it inhibits page."""
    one = call("GET", f"/api/v1/inhibition-rules/{rule_id}")
    call("DELETE", f"/api/v1/inhibition-rules/{rule_id}")
    show(one, f"Deleted inhibition rule {one['name']}.")
