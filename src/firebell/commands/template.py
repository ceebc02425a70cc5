"""`firebell template`: manage the templates of messages, drafts and handoffs."""

from pathlib import Path
from typing import Any

import click

from firebell.commands.client import call, seg
from firebell.commands.output import USAGE, as_json, example, fail, short, show, show_removed, table


@click.group()
def template() -> None:
    """Manage message templates."""


def _address(template_id: str) -> str:
    return f"/api/v1/templates/{seg(template_id)}"


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        fail(f"{path} cannot be read: {error.strerror}.", "Check the file and its permissions.", USAGE)
    except UnicodeDecodeError:
        fail(f"{path} is not UTF-8 text.", "Save it as UTF-8.", USAGE)


@template.command("list", epilog=example("firebell template list"))
@as_json
def list_() -> None:
    """List every template and where its text comes from."""
    templates = call("GET", "/api/v1/templates")
    rows = [
        [t["id"], _source(t), t["changed_by"] or "", short(t["changed_at"]), t["title"]] for t in templates
    ]
    show(templates, table(("TEMPLATE", "SOURCE", "BY", "CHANGED", "TITLE"), rows, wide=4))


def _source(fields: dict[str, Any]) -> str:
    return "default" if fields["source"] == "shipped" else str(fields["source"])


@template.command("show", epilog=example("firebell template show update-first"))
@click.argument("template_id", metavar="ID")
@click.option("--shipped", is_flag=True, help="Print the default text, even if it was customized.")
@as_json
def show_(template_id: str, shipped: bool) -> None:
    """Print template ID with its placeholders."""
    fields = call("GET", _address(template_id))
    show(fields, (fields["shipped"] if shipped else fields["body"]).rstrip("\n"))


@template.command("set", epilog=example("firebell template set update-first update-first.md"))
@click.argument("template_id", metavar="ID")
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@as_json
def set_(template_id: str, file: Path) -> None:
    """Set the text of template ID to that of FILE (managers and admins)."""
    fields = call("PUT", _address(template_id), {"body": _text(file)})
    text = "a customized text" if fields["source"] != "shipped" else "the default text"
    show(fields, f"{fields['id']} has {text}.")


@template.command(epilog=example("firebell template reset update-first"))
@click.argument("template_id", metavar="ID")
@as_json
def reset(template_id: str) -> None:
    """Reset template ID to the default text (managers and admins)."""
    answer = call("DELETE", _address(template_id))
    show_removed(answer, answer, f"{answer['id']} has the default text.")


@template.command(epilog=example("firebell template apply templates/ --dry-run"))
@click.argument("folder", metavar="DIR", type=click.Path(exists=True, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@click.option(
    "--prune", is_flag=True, help="Also reset templates that were set in the app and are not in DIR."
)
@as_json
def apply(folder: Path, dry_run: bool, prune: bool) -> None:
    """Apply the templates of the Markdown files in DIR.

    All are applied or none; only managers and admins can do this. A template is a heading, a line with its id in
    backticks, a middle dot and a note, and a fenced block of markdown, as printed by
    'firebell handbook show examples/communication-templates'.
    """
    paths = [folder] if folder.is_file() else sorted(folder.rglob("*.md"))
    if not paths:
        fail(f"{folder} has no Markdown files.", "Pass the folder that contains the templates.", USAGE)
    base = folder.parent if folder.is_file() else folder
    files = [{"name": str(p.relative_to(base)), "text": _text(p)} for p in paths]
    results = call("POST", "/api/v1/templates/apply", {"files": files, "dry_run": dry_run, "prune": prune})
    show(results, _changes(results, dry_run=dry_run))


def _changes(results: list[dict[str, Any]], *, dry_run: bool) -> str:
    changed = [c for c in results if c["step"] != "unchanged"]
    lines = [f"{c['step']:<8}  {c['id']}" for c in changed]
    unchanged = f"{len(results) - len(changed)} unchanged."
    return "\n".join([*lines, f"{unchanged} Dry run: nothing was applied." if dry_run else unchanged])
