"""`firebell postmortem lint`: find words of blame in a file, offline."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from firebell.commands.output import REFUSED, USAGE, as_json, echo, example, fail, wants_json
from firebell.kit.text import plural

if TYPE_CHECKING:
    from firebell.postmortems.blameless.model import BlameFinding, LintResult

_LEVEL_COLORS = {"error": "red", "warning": "yellow", "info": "blue"}


@click.command(
    epilog=example(
        "firebell postmortem lint inc-3.md",
        "firebell postmortem lint docs/*.md --name 'Maria Lopez' --name @jdoe --json",
    )
)
@click.argument("paths", nargs=-1, required=True, metavar="FILE...")
@click.option("--name", "names", multiple=True, help="The name or handle of a person in the text.")
@click.option("--language", help="The language of the text, such as en; guessed by default.")
@as_json
def lint(paths: tuple[str, ...], names: tuple[str, ...], language: str | None) -> int:
    """Find words of blame and hindsight in post-mortems, offline. - reads standard input.

    Exits with 1 if there is an error that has no waiver, such as <!-- ok: reason -->; warnings do not fail.
    """
    from firebell.postmortems.blameless.lint import lint as findings_of

    results = {path: findings_of(_text(path), names, language=language) for path in paths}
    if wants_json():
        click.echo(
            json.dumps([_plain(path, results[path]) for path in results], indent=2, ensure_ascii=False)
        )
    else:
        _print(results)
    return REFUSED if any(result.blocking for result in results.values()) else 0


def _text(path: str) -> str:
    try:
        data = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
        return data.decode("utf-8-sig")
    except OSError as error:
        fail(f"{path} cannot be read: {error.strerror}.", "Pass the paths of Markdown files.", USAGE)
    except UnicodeDecodeError as error:
        fail(f"{path} is not UTF-8 text: {error.reason} at byte {error.start}.", "Save it as UTF-8.", USAGE)


def _plain(path: str, result: "LintResult") -> dict[str, Any]:
    return {
        "path": path,
        "examined": result.examined,
        "language": result.language,
        "blocking": len(result.blocking),
        "findings": [
            {
                "id": f.id,
                "code": f.code,
                "level": f.level,
                "line": f.line,
                "start": f.start,
                "end": f.end,
                "section": f.section,
                "quote": f.quote,
                "message": f.message,
                "question": f.advice,
                "replacement": f.replacement,
                "waiver": f.waiver,
            }
            for f in result.findings
        ],
    }


def _print(results: "dict[str, LintResult]") -> None:
    for path, result in results.items():
        if not result.examined:
            echo(
                f"{path}: not examined, because the language is {result.language} and the rules are English."
            )
        for finding in result.findings:
            _print_finding(path, finding)
    open_findings = [finding for result in results.values() for finding in result.open]
    counts = [
        plural(number, level)
        for level in ("error", "warning", "info")
        if (number := sum(finding.level == level for finding in open_findings))
    ]
    echo(f"{plural(len(results), 'file')}: {', '.join(counts) or 'no findings'}.")


def _print_finding(path: str, finding: "BlameFinding") -> None:
    level = click.style(str(finding.level), fg=_LEVEL_COLORS[finding.level])
    if finding.waiver:
        echo(f"{path}:{finding.line}: kept {finding.code} {finding.message}\n  Reason: {finding.waiver}")
        return
    echo(f"{path}:{finding.line}: {level} {finding.code} {finding.message}\n  {finding.advice}")
    if finding.replacement:
        echo(f"  Or write: {finding.replacement}")
