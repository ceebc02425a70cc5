"""`firebell runbook`: check runbooks offline and manage a server's library."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from firebell import __version__
from firebell.commands.client import call, seg
from firebell.commands.output import (
    REFUSED,
    USAGE,
    as_json,
    echo,
    example,
    fail,
    show,
    show_table,
    wants_json,
)
from firebell.commands.runbook_run import run
from firebell.commands.runbook_runs import runs
from firebell.commands.runbook_source import source
from firebell.kit.text import plural

if TYPE_CHECKING:
    from firebell.runbooks.model import RunbookFinding

_LEVEL_COLORS = {"error": "red", "warning": "yellow"}


@click.group()
def runbook() -> None:
    """Run runbooks, check them, and manage the library."""


for _command in (run, runs, source):
    runbook.add_command(_command)


def _read(paths: tuple[str, ...], *, for_push: bool = False, rules: tuple[str, ...] = ()) -> dict[Path, str]:
    from firebell.runbooks.file_discovery import gather

    try:
        return {file: _text(file) for file in gather(map(Path, paths), for_push=for_push, rules=rules)}
    except OSError as error:
        fail(str(error), "Pass runbooks, or folders that contain them.", USAGE)


def _text(file: Path) -> str:
    from firebell.runbooks.sources.sync_plan import is_rule_file

    data = file.read_bytes()
    encoding = "utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    if is_rule_file(file.name):
        # the server stores it unchanged, because a diff of it must apply
        encoding = "utf-8"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        fail(f"{file} is not UTF-8 text: {error.reason} at byte {error.start}.", "Save it as UTF-8.", USAGE)


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
    help="Days without an update after which a runbook is stale.",
)
@as_json
def check(paths: tuple[str, ...], form: str, max_age: int) -> int:
    """Check runbooks offline. In a folder, all .md files except README.md and _index.md.

    Exits with 1 if there is an error; warnings do not fail.
    """
    from firebell.runbooks import file_discovery, sarif
    from firebell.runbooks.parse import read
    from firebell.runbooks.text_checks import check as findings_of

    texts, today = _read(paths), datetime.now(UTC).date()
    findings: dict[str, list[RunbookFinding]] = {}
    for file, text in texts.items():
        root = file_discovery.root_of(file)
        findings[file.as_posix()] = findings_of(
            read(text),
            today,
            max_age_days=max_age,
            folder=root.folder(file),
            existing=file_discovery.existing(file, text, root),
        )
    if form == "sarif":
        click.echo(json.dumps(sarif.document(findings, __version__), indent=2, ensure_ascii=False))
    elif form == "json" or wants_json():
        click.echo(json.dumps(_plain(findings), indent=2, ensure_ascii=False))
    else:
        _print(findings)
    return REFUSED if any(f.level == "error" for fs in findings.values() for f in fs) else 0


def _plain(by_path: "dict[str, list[RunbookFinding]]") -> list[dict[str, Any]]:
    return [
        {"path": path, "line": f.line, "level": f.level, "id": f.id, "message": f.message, "fix": f.advice}
        for path, findings in by_path.items()
        for f in findings
    ]


def _print(by_path: "dict[str, list[RunbookFinding]]") -> None:
    for path, findings in by_path.items():
        for f in findings:
            level = click.style(str(f.level), fg=_LEVEL_COLORS[f.level])
            echo(f"{path}:{f.line}: {level} {f.id} {f.message}\n  {f.advice}")
    errors, warnings = (
        sum(f.level == level for fs in by_path.values() for f in fs) for level in ("error", "warning")
    )
    summary = (
        f"{plural(errors, 'error')}, {plural(warnings, 'warning')}" if errors or warnings else "no findings"
    )
    echo(f"{plural(len(by_path), 'runbook')}: {summary}.")


@runbook.command("list", epilog=example("firebell runbook list"))
@as_json
def list_() -> None:
    """List the runbooks of the library."""
    runbooks = call("GET", "/api/v1/runbooks")
    rows = [
        [r["slug"], r["owner"], r["last_updated"] or "no date", _finding_counts(r), r["title"]]
        for r in runbooks
    ]
    head = ("RUNBOOK", "OWNER", "UPDATED", "FINDINGS", "TITLE")
    show_table(runbooks, head, rows, wide=4, empty="No runbooks yet.")


def _finding_counts(entry: dict[str, Any]) -> str:
    counts = [plural(entry[f"{level}s"], level) for level in ("error", "warning") if entry[f"{level}s"]]
    return ", ".join(counts) or "none"


@runbook.command("show", epilog=example("firebell runbook show database-failover"))
@click.argument("slug")
@as_json
def show_(slug: str) -> None:
    """Print runbook SLUG as Markdown; findings go to standard error."""
    document = call("GET", f"/api/v1/runbooks/{seg(slug)}")
    if not wants_json():
        for f in document["findings"]:
            echo(f"line {f['line']}: {f['level']} {f['id']} {f['message']}", err=True)
    show(document, document["body"].rstrip("\n"))


@runbook.command(epilog=example("firebell runbook new disk-full > runbooks/disk-full.md"))
@click.argument("name")
def new(name: str) -> None:
    """Print a blank runbook called NAME, with its eight parts and what belongs in each."""
    from firebell.runbooks.blank import blank_runbook

    title = " ".join(name.replace("-", " ").replace("_", " ").split())
    if not title:
        fail("The runbook has no name.", "Pass a name such as disk-full.", USAGE)
    click.echo(blank_runbook(datetime.now(UTC).date(), title[:1].upper() + title[1:]).rstrip("\n"))


@runbook.command(
    epilog=example(
        "firebell runbook push runbooks/ --dry-run",
        'firebell runbook push runbooks/ --to 3 --commit "$GIT_SHA"',
    )
)
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option("--source", default="", help="Web address of the folder with the files; the path is appended.")
@click.option(
    "--to", "to", type=click.IntRange(1), help="The push source that these files fill, all of them."
)
@click.option("--commit", default="", help="The commit that the files are of, with --to.")
@click.option(
    "--rules",
    multiple=True,
    metavar="PATTERN",
    help="Pattern of Prometheus rule files to push with --to, such as 'prometheus/*.yml'; repeatable.",
)
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@as_json
def push(
    paths: tuple[str, ...], source: str, to: int | None, commit: str, rules: tuple[str, ...], dry_run: bool
) -> None:
    """Upload runbooks to the library; a.md becomes /runbooks/a.

    With --to, the files replace everything in a push source: runbooks, scenarios of drills, and the Prometheus rule
    files that match --rules and the paths of the source. Runbooks that are missing are archived.
    """
    if to is not None:
        _fill(paths, to, commit, rules, source, dry_run)
    elif rules:
        fail("--rules needs --to.", "Name the push source that the rule files belong to.", USAGE)
    else:
        _upload(paths, source, dry_run)


def _fill(
    paths: tuple[str, ...], to: int, commit: str, rules: tuple[str, ...], source: str, dry_run: bool
) -> None:
    from firebell.runbooks.file_discovery import path_below_root

    if source or dry_run:
        fail("--to can't be combined with --source or --dry-run.", "Leave them out.", USAGE)
    if not commit.strip():
        fail(
            "--to needs the commit that the files are of.", "Add --commit, such as --commit $GIT_SHA.", USAGE
        )
    texts = _read(paths, for_push=True, rules=rules)
    files = [{"path": path_below_root(file), "body": text} for file, text in texts.items()]
    answer = call("POST", f"/api/v1/runbook-sources/{to}/push", {"commit": commit, "files": files})
    lines = [_outcome_line(answer)]
    lines += [f"{f['path']}:{f['line']}: {f['message']} {f['fix']}" for f in answer["findings"]]
    show(answer, "\n".join(lines))


def _outcome_line(answer: dict[str, Any]) -> str:
    if answer["result"] == "waiting":
        number = plural(len(answer["archives"]), "runbook")
        return f"Nothing changed: the commit would archive {number}. Decide in Runbook sources."
    if answer["result"] == "ignored":
        return "Nothing changed: this commit is ignored."
    counts = [f"{number} {what}" for what, number in answer["changes"].items() if number]
    return f"{answer['result'].capitalize()}: {', '.join(counts) or 'no runbooks'}."


def _upload(paths: tuple[str, ...], source: str, dry_run: bool) -> None:
    from firebell.kit.text import slugify
    from firebell.runbooks.file_discovery import path_below_root

    texts = _read(paths)
    slugs: dict[str, Path] = {}
    for file in texts:
        other = slugs.setdefault(slugify(file.stem), file)
        if other != file:
            fail(f"{other} and {file} would be the same runbook.", "Rename one of them.", USAGE)
    results = []
    for slug, file in slugs.items():
        path = path_below_root(file)
        body = {
            "body": texts[file],
            "source": f"{source.rstrip('/')}/{path}" if source else path,
            "dry_run": dry_run,
        }
        results.append(call("PUT", f"/api/v1/runbooks/{seg(slug)}", body))
    lines = [
        f"{d['slug']}: {'would be ' if dry_run else ''}{d['change']}{_finding_note(d['findings'])}"
        for d in results
    ]
    show(results, "\n".join(lines))


def _finding_note(findings: list[dict[str, Any]]) -> str:
    return f" ({plural(len(findings), 'finding')})" if findings else ""
