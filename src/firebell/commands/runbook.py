"""`firebell runbook`: check runbooks where they are written, and keep the library of a server."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from firebell import __version__
from firebell.commands.client import call, seg
from firebell.commands.output import REFUSED, USAGE, as_json, echo, example, fail, show, table, wants_json

if TYPE_CHECKING:
    from firebell.runbooks.model import Finding

_COLOUR = {"error": "red", "warning": "yellow"}


@click.group()
def runbook() -> None:
    """Runbooks: the check of their eight parts, and the library."""


def _read(paths: tuple[str, ...]) -> dict[Path, str]:
    from firebell.runbooks.files import gather

    try:
        return {file: _text(file) for file in gather(map(Path, paths))}
    except OSError as error:
        fail(str(error), "Name runbooks, or folders that have some.", USAGE)


def _text(file: Path) -> str:
    data = file.read_bytes()
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        fail(
            f"{file} is not text in UTF-8: {error.reason} at byte {error.start}.", "Save it as UTF-8.", USAGE
        )


def _plural(n: int, word: str) -> str:
    return f"{n} {word}" if n == 1 else f"{n} {word}s"


@runbook.command(
    epilog=example(
        "firebell runbook check runbooks/",
        "firebell runbook check runbooks/ --format sarif > runbooks.sarif",
    )
)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option(
    "--format", "form", type=click.Choice(["text", "json", "sarif"]), default="text", show_default=True
)
@click.option(
    "--max-age",
    type=click.IntRange(1, 3650),
    default=90,
    show_default=True,
    help="Days without a look after which a runbook is stale.",
)
@as_json
def check(paths: tuple[str, ...], form: str, max_age: int) -> int:
    """Check runbooks, offline. In a folder every .md file is one, but README.md.

    Ends with 1 when there is an error; warnings do not fail.
    """
    from firebell.runbooks import files, sarif
    from firebell.runbooks.check import check as findings_of
    from firebell.runbooks.parse import read

    texts, today = _read(paths), datetime.now(UTC).date()
    found: dict[str, list[Finding]] = {}
    for file, text in texts.items():
        root = files.root_of(file)
        found[file.as_posix()] = findings_of(
            read(text),
            today,
            max_age_days=max_age,
            folder=root.folder(file),
            existing=files.existing(file, text, root),
        )
    if form == "sarif":
        click.echo(json.dumps(sarif.document(found, __version__), indent=2, ensure_ascii=False))
    elif form == "json" or wants_json():
        click.echo(json.dumps(_plain(found), indent=2, ensure_ascii=False))
    else:
        _print(found)
    return REFUSED if any(f.level == "error" for fs in found.values() for f in fs) else 0


def _plain(found: "dict[str, list[Finding]]") -> list[dict[str, Any]]:
    return [
        {"path": path, "line": f.line, "level": f.level, "id": f.id, "message": f.message, "fix": f.fix}
        for path, findings in found.items()
        for f in findings
    ]


def _print(found: "dict[str, list[Finding]]") -> None:
    for path, findings in found.items():
        for f in findings:
            level = click.style(str(f.level), fg=_COLOUR[f.level])
            echo(f"{path}:{f.line}: {level} {f.id} {f.message}\n  {f.fix}")
    errors, warnings = (
        sum(f.level == level for fs in found.values() for f in fs) for level in ("error", "warning")
    )
    counted = (
        f"{_plural(errors, 'error')}, {_plural(warnings, 'warning')}" if errors or warnings else "no findings"
    )
    echo(f"{_plural(len(found), 'runbook')}: {counted}.")


@runbook.command("list", epilog=example("firebell runbook list"))
@as_json
def list_() -> None:
    """List the library."""
    found = call("GET", "/api/v1/runbooks")
    rows = [[r["slug"], r["owner"], r["last_updated"] or "no date", _wrong(r), r["title"]] for r in found]
    head = ("RUNBOOK", "OWNER", "UPDATED", "FINDINGS", "TITLE")
    show(found, table(head, rows, wide=4) if rows else "There is no runbook yet.")


def _wrong(found: dict[str, Any]) -> str:
    counts = [_plural(found[f"{word}s"], word) for word in ("error", "warning") if found[f"{word}s"]]
    return ", ".join(counts) or "none"


@runbook.command("show", epilog=example("firebell runbook show database-failover"))
@click.argument("slug")
@as_json
def show_(slug: str) -> None:
    """Print the Markdown of runbook SLUG; its findings go to standard error."""
    found = call("GET", f"/api/v1/runbooks/{seg(slug)}")
    if not wants_json():
        for f in found["findings"]:
            echo(f"line {f['line']}: {f['level']} {f['id']} {f['message']}", err=True)
    show(found, found["body"].rstrip("\n"))


@runbook.command(epilog=example("firebell runbook push runbooks/ --dry-run"))
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option(
    "--source", default="", help="Where the files are kept, such as a web address; the path is added."
)
@click.option("--dry-run", is_flag=True, help="Only say what would be done.")
@as_json
def push(paths: tuple[str, ...], source: str, dry_run: bool) -> None:
    """Upload runbooks from a repository. A file's name is its address: a.md is /runbooks/a."""
    from firebell.kit.text import slugify
    from firebell.runbooks.files import root_of

    texts = _read(paths)
    slugs: dict[str, Path] = {}
    for file in texts:
        other = slugs.setdefault(slugify(file.stem), file)
        if other != file:
            fail(f"{other} and {file} would be the same runbook.", "Give one of them another name.", USAGE)
    done = []
    for slug, file in slugs.items():
        path = file.resolve().relative_to(root_of(file).path).as_posix()
        body = {
            "body": texts[file],
            "source": f"{source.rstrip('/')}/{path}" if source else path,
            "dry_run": dry_run,
        }
        done.append(call("PUT", f"/api/v1/runbooks/{seg(slug)}", body))
    lines = [
        f"{d['slug']}: {'would be ' if dry_run else ''}{d['change']}{_counted(d['findings'])}" for d in done
    ]
    show(done, "\n".join(lines))


def _counted(findings: list[dict[str, Any]]) -> str:
    return f" ({_plural(len(findings), 'finding')})" if findings else ""
