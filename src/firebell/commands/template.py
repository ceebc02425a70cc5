"""`firebell template`: the words that messages, drafts and handoffs are made from."""

from pathlib import Path
from typing import Any

import click

from firebell.commands.client import call, seg
from firebell.commands.output import USAGE, as_json, example, fail, short, show, show_removed, table


@click.group()
def template() -> None:
    """The words of messages, drafts and handoffs."""


def _at(template_id: str) -> str:
    return f"/api/v1/templates/{seg(template_id)}"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        fail(f"{path} cannot be read: {error.strerror}.", "", USAGE)
    except UnicodeDecodeError:
        fail(f"{path} is not UTF-8 text.", "", USAGE)


@template.command("list", epilog=example("firebell template list"))
@as_json
def list_() -> None:
    """List every template and whose words it has."""
    found = call("GET", "/api/v1/templates")
    rows = [[t["id"], t["source"], t["changed_by"] or "", short(t["changed_at"]), t["title"]] for t in found]
    show(found, table(("TEMPLATE", "WORDS", "BY", "CHANGED", "TITLE"), rows, wide=4))


@template.command("show", epilog=example("firebell template show update-first"))
@click.argument("template_id", metavar="ID")
@click.option("--shipped", is_flag=True, help="The shipped words, also where there are own ones.")
@as_json
def show_(template_id: str, shipped: bool) -> None:
    """Print template ID with its slots."""
    found = call("GET", _at(template_id))
    show(found, (found["shipped"] if shipped else found["body"]).rstrip("\n"))


@template.command("set", epilog=example("firebell template set update-first update-first.md"))
@click.argument("template_id", metavar="ID")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@as_json
def set_(template_id: str, file: Path) -> None:
    """Word template ID as FILE does, which is its text alone (managers and admins)."""
    found = call("PUT", _at(template_id), {"body": _text(file)})
    words = "your own words" if found["source"] != "shipped" else "the shipped words"
    show(found, f"{found['id']} has {words}.")


@template.command(epilog=example("firebell template reset update-first"))
@click.argument("template_id", metavar="ID")
@as_json
def reset(template_id: str) -> None:
    """Go back to the shipped words of template ID (managers and admins)."""
    found = call("DELETE", _at(template_id))
    show_removed(found, found, f"{found['id']} has the shipped words.")


@template.command(epilog=example("firebell template apply templates/ --dry-run"))
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only say what would change.")
@click.option("--prune", is_flag=True, help="Also remove what was set in the app and is not in DIR.")
@as_json
def apply(folder: Path, dry_run: bool, prune: bool) -> None:
    """Make the words those of the Markdown files in DIR, all or none (managers and admins).

    A template is a heading, a line with its id in backticks followed by a middle dot and a note, and a fenced
    block of markdown: the form of 'firebell handbook show examples/communication-templates'.
    """
    paths = [folder] if folder.is_file() else sorted(folder.rglob("*.md"))
    if not paths:
        fail(f"{folder} has no Markdown file.", "Give the folder that has the templates.", USAGE)
    base = folder.parent if folder.is_file() else folder
    files = [{"name": str(p.relative_to(base)), "text": _text(p)} for p in paths]
    found = call("POST", "/api/v1/templates/apply", {"files": files, "dry_run": dry_run, "prune": prune})
    show(found, _told(found, dry_run=dry_run))


def _told(found: list[dict[str, Any]], *, dry_run: bool) -> str:
    changes = [c for c in found if c["step"] != "unchanged"]
    lines = [f"{c['step']:<8}  {c['id']}" for c in changes]
    rest = f"{len(found) - len(changes)} unchanged."
    return "\n".join([*lines, f"{rest} Nothing was done: this is a dry run." if dry_run else rest])
