"""Checks of a runbook: parts, owner, date, links, code blocks and steps, each finding with its fix (pure)."""

import posixpath
import re
from collections.abc import Collection, Iterable
from datetime import date, timedelta
from itertools import pairwise
from urllib.parse import unquote

from firebell.kit.findings import FindingLevel
from firebell.runbooks.execution.quoting_checks import unsafe_expansions
from firebell.runbooks.model import MAX_AGE_DAYS, PARTS, Fence, Runbook, RunbookFinding
from firebell.runbooks.placeholders import placeholders

RULES = {
    "R-PART": "All eight parts are present, in order, and none is empty.",
    "R-OWNER": "An existing team or role owns the runbook.",
    "R-DATE": "The runbook has the date of its last review.",
    "R-STALE": "The runbook was reviewed recently.",
    "R-LINK": "Every link within the repository has an existing target.",
    "R-FENCE": "Every fenced block is closed, names its language, and has no placeholder left.",
    "R-STEP": "Steps are numbered, and at least one has a command.",
    "R-QUOTE": "A declared variable is quoted, so that its value stays one word.",
    "R-REPARSE": "No variable stands in text that a second program parses.",
    "R-FRONT": "The front matter is YAML that can be read, and its triggers parse.",
}
"""All checks of a text with what they require."""
_EXTERNAL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|//")
_NO_OWNER = re.compile(r"(tbd|todo|none|nobody|n/a|unknown)\b|[-?. ]*$", re.I)
_ONE_DAY = timedelta(days=1)


def check(
    runbook: Runbook,
    today: date,
    *,
    max_age_days: int = MAX_AGE_DAYS,
    folder: str = "",
    existing: Collection[str] | None = None,
    teams: Collection[str] | None = None,
) -> list[RunbookFinding]:
    """Return the findings in the order of their lines.

    `folder` contains the runbook and `existing` are all existing paths, relative to the same root and
    separated by `/`; without `existing` links are not checked. `teams` are the names of teams with an active
    member; without it any owner is accepted.
    """
    findings = [
        *_parts(runbook),
        *_owner(runbook, teams),
        *_date(runbook, today, max_age_days),
        *_links(runbook, folder, existing),
        *(finding for fence in runbook.fences for finding in _fence(fence)),
        *(finding for fence in runbook.fences for finding in _expansions(fence, runbook)),
        *_steps(runbook),
        *_front(runbook),
    ]
    return sorted(findings, key=lambda f: (f.line, f.id))


def _error(code: str, line: int, message: str, advice: str) -> RunbookFinding:
    return RunbookFinding(code, code, FindingLevel.ERROR, message, line, advice=advice)


def _warning(code: str, line: int, message: str, advice: str) -> RunbookFinding:
    return RunbookFinding(code, code, FindingLevel.WARNING, message, line, advice=advice)


def _parts(runbook: Runbook) -> Iterable[RunbookFinding]:
    if not runbook.title:
        yield _error(
            "R-PART", 1, "The runbook has no title.", "Begin with a line such as '# Database failover'."
        )
    if sum(h.level == 1 for h in runbook.headings) > 1:
        yield _warning(
            "R-PART",
            1,
            "The runbook has more than one title.",
            "Keep one H1 heading, and make the others H2.",
        )
    names = [p.name for p in runbook.parts]
    last = max((p.line for p in runbook.parts), default=1)
    for index, name in enumerate(PARTS):
        part = runbook.part(name)
        if part is None:
            place = f"after '## {PARTS[index - 1]}'" if index else "first"
            yield _error("R-PART", last, f"The part {name} is missing.", f"Add '## {name}' {place}.")
        elif not part.body:
            yield _error(
                "R-PART", part.line, f"The part {name} is empty.", "Write it, or say why it doesn't apply."
            )
        elif names.count(name) > 1:
            second_line = [p.line for p in runbook.parts if p.name == name][1]
            yield _error("R-PART", second_line, f"The part {name} appears twice.", "Merge the two.")
    for part in runbook.parts:
        if part.name not in PARTS:
            yield _warning(
                "R-PART",
                part.line,
                f"{part.name or 'An empty heading'} is not one of the eight parts.",
                "Make it an H3 heading inside the part that it belongs to.",
            )
    known = [p for p in runbook.parts if p.name in PARTS]
    for before, after in pairwise(known):
        if PARTS.index(after.name) < PARTS.index(before.name):
            yield _error(
                "R-PART",
                after.line,
                f"The part {after.name} comes after {before.name}.",
                f"Use this order: {', '.join(PARTS)}.",
            )


def _owner(runbook: Runbook, teams: Collection[str] | None) -> Iterable[RunbookFinding]:
    part = runbook.part("Owner")
    if part is None or not part.body:
        return
    if _NO_OWNER.match(runbook.owner):
        yield _error(
            "R-OWNER",
            part.line,
            "The runbook has no owner.",
            "Name a team or a role on the first line of Owner.",
        )
    elif teams is not None and owning_team(runbook.owner, teams) is None:
        yield _warning(
            "R-OWNER",
            part.line,
            f"{runbook.owner} is not a team with an active member.",
            f"Use the name of a team: {', '.join(sorted(teams)[:8]) or 'no teams yet'}.",
        )


def owning_team(owner: str, teams: Collection[str]) -> str | None:
    """Return the team whose name the owner is or begins with, ignoring case; None if there is none."""
    line = owner.casefold()
    matching = [t for t in teams if re.match(rf"{re.escape(t.casefold())}(?!\w)", line)]
    return max(matching, key=len, default=None)


def _date(runbook: Runbook, today: date, max_age_days: int) -> Iterable[RunbookFinding]:
    part = runbook.part("Last updated")
    if part is None or not part.body:
        return
    fix = f"Enter the date of the last review, such as {today.isoformat()}."
    if runbook.updated is None:
        yield _error("R-DATE", part.line, "Last updated has no date on its first line.", fix)
    elif runbook.updated > today + _ONE_DAY:
        # the author may be in a time zone where it is already tomorrow
        yield _error("R-DATE", part.line, f"{runbook.updated} is in the future.", fix)
    elif (today - runbook.updated).days > max_age_days:
        age = (today - runbook.updated).days
        yield _warning(
            "R-STALE",
            part.line,
            f"Last reviewed {age} days ago; the limit is {max_age_days} days.",
            "Walk through it, ideally in a drill, correct it, and update the date.",
        )


def targets(runbook: Runbook, folder: str) -> frozenset[str]:
    """Return the paths that the links of a runbook in `folder` require to exist."""
    paths = {_path(link.target) for link in runbook.links if not _is_external(link.target)}
    return frozenset(_resolved(folder, path) for path in paths if path)


def _is_external(target: str) -> bool:
    """Return True for a URL, and for `/docs/add-runbook`, an address of the site that shows the runbook."""
    path = _path(target)
    return bool(_EXTERNAL.match(target)) or (path.startswith("/") and "." not in path.rpartition("/")[2])


def _path(target: str) -> str:
    """Return the path of a link, percent-decoded, without query (`?raw=true`) and fragment."""
    return unquote(target.partition("#")[0].partition("?")[0])


def _links(runbook: Runbook, folder: str, existing: Collection[str] | None) -> Iterable[RunbookFinding]:
    for link in runbook.links:
        path, anchor = _path(link.target), unquote(link.target.partition("#")[2])
        if _is_external(link.target):
            continue
        if not path:
            # browsers compare fragments by case, GitHub and most viewers do not
            anchors = {h.anchor for h in runbook.headings} | runbook.html_anchors
            if anchor and anchor.casefold() not in {a.casefold() for a in anchors}:
                yield _error(
                    "R-LINK",
                    link.line,
                    f"No heading has the anchor #{anchor}.",
                    "Correct the fragment of the link.",
                )
        elif existing is not None and _resolved(folder, path) not in existing:
            yield _error(
                "R-LINK",
                link.line,
                f"Broken link: {path}.",
                "Correct the path, which is relative to the runbook's folder, or remove the link.",
            )


def _resolved(folder: str, path: str) -> str:
    """Return a path in `folder` relative to the root of `existing`; an absolute one starts at the root."""
    return posixpath.normpath(path.lstrip("/") if path.startswith("/") else posixpath.join(folder, path))


def _fence(fence: Fence) -> Iterable[RunbookFinding]:
    if not fence.closed:
        yield _error("R-FENCE", fence.line, "This code block is not closed.", "End it with a line of ```.")
    if not fence.language:
        yield _warning(
            "R-FENCE",
            fence.line,
            "This code block has no language.",
            "Begin it with ```bash, ```sql or ```text.",
        )
    if not fence.text.strip():
        yield _error(
            "R-FENCE", fence.line, "This code block is empty.", "Add the command, or remove the block."
        )
    if not fence.command:
        return
    for line, placeholder in placeholders(fence):
        yield _error(
            "R-FENCE",
            line,
            f"Placeholder not filled in: {placeholder}.",
            'Use a required variable, such as : "${PGHOST:?the primary\'s host}".',
        )


def _expansions(fence: Fence, runbook: Runbook) -> Iterable[RunbookFinding]:
    for unsafe in unsafe_expansions(fence, runbook.front.variables):
        if unsafe.reader:
            yield _error(
                "R-REPARSE",
                unsafe.line,
                f"{unsafe.reader} would read the value of {unsafe.name} as a command.",
                f"Pass it as a value, such as psql -v x=\"${unsafe.name}\" with :'x', or quote it with printf %q.",
            )
        else:
            yield _warning(
                "R-QUOTE",
                unsafe.line,
                f"{unsafe.name} is not quoted, so the shell splits its value.",
                f'Write "${unsafe.name}".',
            )


def _steps(runbook: Runbook) -> Iterable[RunbookFinding]:
    part = runbook.part("Steps")
    if part is None or not part.body:
        return
    if not runbook.steps:
        yield _error(
            "R-STEP",
            part.line,
            "The steps are not numbered.",
            "Begin each with '### 1. ...', or use a numbered list.",
        )
    if not runbook.commands("Steps"):
        yield _error(
            "R-STEP",
            part.line,
            "No step has a command.",
            "Add the command as a code block that begins with ```bash.",
        )


def _front(runbook: Runbook) -> Iterable[RunbookFinding]:
    for problem in runbook.front.problems:
        yield RunbookFinding(
            "R-FRONT", "R-FRONT", problem.level, problem.message, problem.line, advice=problem.advice
        )
