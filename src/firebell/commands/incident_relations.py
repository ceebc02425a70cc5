"""The commands of `firebell incident` for merging, links, and the learning loop of an incident."""

from typing import Any

import click

from firebell.commands.client import call, seg
from firebell.commands.output import as_json, example, short, show, show_table


def _address(ref: str, suffix: str) -> str:
    return f"/api/v1/incidents/{seg(ref)}{suffix}"


def _line(fields: dict[str, Any]) -> str:
    return f"{fields['ref']} {fields['severity']} is {fields['phase']}: {fields['title']}"


@click.command(epilog=example("firebell incident merge INC-4 INC-3 --reason 'Same cause'"))
@click.argument("ref")
@click.argument("into")
@click.option("--reason", default="", help="Reason for the timeline.")
@as_json
def merge(ref: str, into: str, reason: str) -> None:
    """Merge incident REF into INTO, which gets its services, pages and roles."""
    fields = call("POST", _address(ref, "/merge"), {"into": into, "reason": reason})
    show(fields, _line(fields))


@click.command(
    epilog=example(
        "firebell incident relate INC-3 INC-4",
        "firebell incident relate INC-3 INC-5 --child",
        "firebell incident relate INC-3 INC-4 --remove",
    )
)
@click.argument("ref")
@click.argument("other")
@click.option("--child", is_flag=True, help="Make OTHER a child of REF.")
@click.option("--remove", is_flag=True, help="Remove the link.")
@as_json
def relate(ref: str, other: str, child: bool, remove: bool) -> None:
    """Link incident REF to OTHER."""
    if remove:
        call("DELETE", _address(ref, f"/relations/{seg(other)}"))
        show({"removed": other}, "Link removed.")
        return
    body = {"incident": other, "kind": "child" if child else "linked"}
    relations = call("POST", _address(ref, "/relations"), body)
    rows = [[r["incident"], r["kind"].replace("_", " "), r["title"]] for r in relations]
    show_table(relations, ("INCIDENT", "RELATION", "TITLE"), rows, wide=2, empty="No linked incidents.")


@click.command(epilog=example("firebell incident loop INC-3"))
@click.argument("ref")
@as_json
def loop(ref: str) -> None:
    """Show the learning loop of incident REF: its post-mortem, its action items, and whether it came back."""
    shown = call("GET", _address(ref, "/loop"))
    published = shown["postmortem_published_at"]
    lines = [
        shown["outcome"],
        f"Post-mortem: {f'published {short(published)}' if published else 'not published'}",
        *_items(shown["actions"]),
    ]
    for repeat in shown["repeats"]:
        lines.append(f"{repeat['ref']} {short(repeat['declared_at'])}: {repeat['title']}")
        lines += [
            f"  {answer['item']}: {(answer['answer'] or 'no answer yet').replace('_', ' ')}"
            for answer in repeat["answers"]
        ]
        lines += _items(repeat["actions"])
    show(shown, "\n".join(lines))


def _items(items: list[dict[str, Any]]) -> list[str]:
    return [f"  {item['ref']} {item['state'].replace('_', ' ')}: {item['title']}" for item in items]


COMMANDS = (merge, relate, loop)
