#!/usr/bin/env python3
# /// script
# requires-python = ">=3.11"
# dependencies = ["httpx>=0.28"]
# ///
"""A first draft of a post-mortem from Firebell, from PagerDuty or from a plain file with the timeline.

It writes down what is known: the timeline in UTC, how long things took, where the timeline is silent. What only
people know stays a question in the document. A plain file needs Python alone, the two services need httpx.
"""

import argparse
import csv
import io
import json
import os
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

PASSING = (408, 425, 429, 500, 502, 503, 504)
TRIES, TIMEOUT_S, LONGEST_WAIT_S, LARGEST = 5, 15, 120.0, 20_000_000
TEMPLATE = Path(__file__).resolve().parents[1] / "postmortem-template.md"
MOMENTS = {
    "detected": "detected",
    "paged": "paged",
    "acknowledged": "acknowledged",
    "declared": "declared",
    "end of impact": "ended",
    "resolved": "ended",
    "closed": "closed",
}
KINDS = ("finding", "mitigation", "decision", "update", "note")
FIREBELL_KINDS = {"declared", "role", "severity", "phase", *KINDS}
UNSEEN = ("notify_log_entry", "annotate_log_entry")  # who was told by which channel; notes are read as such
SUMMARY = "_In three sentences: what happened, who was affected, what ended it._"
HELPED = "- _Which mitigation helped? None that was recorded is known to have ended the impact._"
SAYS_FAILED = re.compile(
    r"\b(no|without|little) (\w+ )?(effect|change|improvement)\b|\b(not|never|n't) (\w+ )?(help|work|effective)"
    r"|n't (help|work)|\bineffective|\bin vain\b|\bfailed\W*$|\bby itself\b|\bon its own\b",
    re.IGNORECASE,
)
SAYS_HELPED = re.compile(r"\b(helped|worked|effective)\b", re.IGNORECASE)
IMPACT = "_Who could not do what, how many, for how long?_"
HELP = """\
sources:
  firebell INC-7     FIREBELL_URL and FIREBELL_KEY (incidents:read, pages:read) in the environment
  pagerduty PT4KHLK  PAGERDUTY_TOKEN (read) in the environment
  file PATH          lines, CSV or JSON; - is standard input

timeline file, one entry a line (# begins a comment):
  2026-11-24 03:12 detected: 5xx above 5%
  2026-11-24T04:14:30+01:00 | Mara | acknowledged: the page
  2026-11-24 03:21 finding: build 4812 opened too many connections
  Times without an offset are in --tz. A word with a colon says what an entry is: detected, paged, acknowledged,
  declared, end of impact (or resolved), closed; finding, mitigation, decision, update, note.
  CSV has the columns time, text and, if you like, who and kind. JSON is a list of objects with these keys, or an
  object with `timeline` and, if you like, ref, title, severity, services, summary and impact.

examples:
  postmortem-generator.py firebell INC-7 --output inc-7.md
  postmortem-generator.py pagerduty PT4KHLK --severity SEV1 --output outage.md
  postmortem-generator.py file timeline.txt --tz Europe/Stockholm --title 'Card payments fail'

exit codes: 0 written, 1 the service failed, 2 the command, a file or the environment is wrong
"""


class Problem(Exception):  # noqa: N818 - named as people name it
    """What failed, where, and what to do."""


class Misused(Problem):
    """The command, a file or the environment is wrong."""


@dataclass(frozen=True)
class Entry:
    """One line of the timeline; `at` is aware."""

    at: datetime
    who: str
    text: str
    kind: str = "note"


@dataclass
class Story:
    """What is known; what is not is empty."""

    ref: str = ""
    title: str = ""
    severity: str = ""
    services: list[str] = field(default_factory=list)
    summary: str = ""
    impact: str = ""
    entries: list[Entry] = field(default_factory=list)
    moments: dict[str, datetime] = field(default_factory=dict)


def read_instant(text: str, zone: ZoneInfo) -> datetime:
    """Return an instant; without an offset it is a wall clock in `zone`. ValueError for anything else."""
    found = datetime.fromisoformat(text.strip())
    return found if found.tzinfo else found.replace(tzinfo=zone)


class Api:
    """Reads JSON from one service: timeouts, pauses between tries, and words for what fails."""

    def __init__(
        self, name: str, base: str, headers: dict[str, str], sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.name, self.base, self.headers, self.sleep = name, base.rstrip("/"), headers, sleep

    def get(self, path: str, dispensable: bool = False) -> tuple[Any, str]:
        """Return the JSON of an address and the address of the next stretch; None for what may be missing."""
        try:
            import httpx
        except ImportError as error:
            why = f"{error}. Use `uv run postmortem-generator.py`, or `pip install httpx` before."
            raise Misused(why) from error
        for turn in range(TRIES):
            wait: str | None = None
            try:
                answer = httpx.get(self.base + path, headers=self.headers, timeout=TIMEOUT_S)
                if dispensable and answer.status_code in (403, 404):
                    return None, ""
                if answer.status_code not in PASSING:
                    if answer.is_error:
                        said = f"{answer.status_code} {answer.text[:500]}"
                        raise Problem(f"{self.name} refused GET {path}: {said}")
                    return answer.json(), answer.links.get("next", {}).get("url", "")
                why, wait = f"status {answer.status_code}", answer.headers.get("Retry-After")
            except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
                raise Misused(f"{self.name}: {self.base!r} is no address: {error}") from error
            except httpx.TransportError as error:
                why = f"{type(error).__name__} {error}".strip()
            except ValueError as error:
                raise Problem(f"{self.name} answered {path} with something that is not JSON") from error
            if turn < TRIES - 1:
                asked = float(wait) if wait and wait.isdecimal() else 2.0**turn
                self.sleep(min(LONGEST_WAIT_S, asked))
        raise Problem(f"{self.name} did not answer GET {path} in {TRIES} tries: {why}")


def firebell_kind(entry: Mapping[str, Any]) -> str:
    """Return the kind of an entry of Firebell; a phase that ends the impact is a `resolved`."""
    ends = entry["kind"] == "phase" and entry.get("data", {}).get("to") == "monitoring"
    return "resolved" if ends else str(entry["kind"])


def of_firebell(api: Api, ref: str) -> Story:
    """Return the story of an incident of Firebell."""
    path = f"/api/v1/incidents/{quote(ref, safe='')}"
    one, _ = api.get(path)
    shown: list[Any] = []
    more = f"{path}/timeline?limit=500"
    while more:
        entries, more = api.get(more)
        shown = entries + shown
    story = Story(one["ref"], one["title"], one["max_severity"], one["services"])
    story.summary, story.impact = one["summary"], one["conditions"]
    when = {
        "detected": "detected_at",
        "declared": "declared_at",
        "ended": "resolved_at",
        "closed": "closed_at",
    }
    story.moments = {k: datetime.fromisoformat(one[v]) for k, v in when.items() if one[v]}
    for name in one["pages"]:
        page, _ = api.get(f"/api/v1/pages/{name}", dispensable=True)
        if page and page["first_ack_at"]:
            acked = datetime.fromisoformat(page["first_ack_at"])
            if acked <= story.moments.get("acknowledged", acked):
                story.moments["acknowledged"] = acked
                story.moments["paged"] = datetime.fromisoformat(page["triggered_at"])
    story.entries = [
        Entry(datetime.fromisoformat(e["at"]), e["by"], e["text"], firebell_kind(e))
        for e in shown
        if e["kind"] in FIREBELL_KINDS
    ]
    return story


def of_pagerduty(api: Api, ident: str) -> Story:
    """Return the story of an incident of PagerDuty: its log and its notes."""
    path = f"/incidents/{quote(ident, safe='')}"
    one = api.get(path)[0]["incident"]
    log: list[Any] = []
    while True:
        page, _ = api.get(f"{path}/log_entries?limit=100&offset={len(log)}")
        log += page["log_entries"]
        if not page["more"] or not page["log_entries"]:
            break
    story = Story(
        f"#{one['incident_number']}", one["title"], (one.get("priority") or {}).get("summary") or ""
    )
    story.services = [one["service"]["summary"]] if one.get("service") else []
    begun = datetime.fromisoformat(one["created_at"])
    story.moments = {"detected": begun, "paged": begun}
    for entry in sorted(log, key=lambda e: str(e["created_at"])):
        at, kind = datetime.fromisoformat(entry["created_at"]), entry["type"]
        who = (entry.get("agent") or {}).get("summary") or "PagerDuty"
        if kind == "acknowledge_log_entry":
            story.moments.setdefault("acknowledged", at)
        if kind == "resolve_log_entry" and one["status"] == "resolved":
            story.moments["ended"] = at
        if kind not in UNSEEN:
            story.entries.append(Entry(at, who, entry["summary"]))
    for note in api.get(f"{path}/notes")[0]["notes"]:
        who = (note.get("user") or {}).get("summary") or "PagerDuty"
        story.entries.append(Entry(datetime.fromisoformat(note["created_at"]), who, note["content"]))
    return story


def marked(at: datetime, who: str, text: str, kind: str, story: Story) -> None:
    """Add an entry of a file; a word with a colon says what it is."""
    word, colon, rest = text.partition(":")
    word = word.strip().casefold()
    if not kind and colon and word in (*MOMENTS, *KINDS):
        kind, text = word, rest.strip() or word
        text = f"{word.capitalize()}: {text}" if word in MOMENTS else text
    if moment := MOMENTS.get(kind.casefold()):
        before = story.moments.get(moment, at)
        # the first of everything, but the last end: an incident can come back
        story.moments[moment] = max(before, at) if moment in ("ended", "closed") else min(before, at)
    story.entries.append(Entry(at, who, text, kind.casefold() or "note"))


def rows_of_lines(text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each line of a timeline as its place and its parts."""
    shape = r"(\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?\s?(?:Z|[+-]\d\d:?\d\d)?)(?=\s|\|)\s*(.*)"
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found = re.fullmatch(shape, line.strip())
        if not found or not found[2].strip(" |"):
            raise Misused(f"line {number}: {line.strip()[:60]!r} is not `2026-11-24 03:12 what happened`.")
        parts = [part.strip() for part in found[2].strip().removeprefix("|").split("|", 1)]
        piped = found[2].lstrip().startswith("|") and len(parts) == 2
        who, what = parts if piped else ("", found[2].strip(" |"))
        yield f"line {number}", {"time": found[1].replace(" Z", "Z"), "who": who, "text": what}


def rows_of_csv(text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield each row of a CSV file as its place and its columns."""
    reader = csv.DictReader(io.StringIO(text), skipinitialspace=True)
    reader.fieldnames = [name.strip().casefold() for name in reader.fieldnames or []]
    if not {"time", "text"} <= set(reader.fieldnames):
        raise Misused("the CSV needs a first row with the columns time and text.")
    for row in reader:
        yield f"line {reader.line_num}", row


def of_file(text: str, suffix: str, zone: ZoneInfo) -> Story:
    """Return the story of a file: JSON, CSV, or lines."""
    story = Story()
    if suffix == ".json" or text.lstrip()[:1] in ("[", "{"):
        try:
            found = json.loads(text)
        except ValueError as error:
            raise Misused(f"this is not JSON: {error}.") from error
        whole = {"timeline": found} if isinstance(found, list) else found
        for name in ("ref", "title", "severity", "summary", "impact"):
            setattr(story, name, str(whole.get(name) or ""))
        story.services = [str(s) for s in whole.get("services") or []]
        rows = [(f"entry {n}", row) for n, row in enumerate(whole.get("timeline") or [], 1)]
    else:
        lines = rows_of_csv(text) if suffix == ".csv" else rows_of_lines(text)
        rows = list(lines)
    for place, row in rows:
        try:
            at, what = read_instant(str(row["time"]), zone), str(row["text"] or "").strip()
        except (KeyError, TypeError, ValueError) as error:
            raise Misused(f"{place}: needs `time` (as 2026-11-24 03:12) and `text`: {error}.") from error
        marked(at, str(row.get("who") or ""), what, str(row.get("kind") or "").strip(), story)
    if not story.entries:
        raise Misused("there is no entry in it.")
    return story


def cell(text: str) -> str:
    """Return text as one line that stays inside its table cell and starts no markup."""
    return re.sub(r"[\\|<`*_\[\]{}]|!(?=\[)", r"\\\g<0>", " ".join(text.split()))


def line(text: str) -> str:
    """Return text as one line that is neither a heading, a list, a quote nor a fence."""
    return re.sub(r"^(\d*)([#>+*=~.)-])", r"\1\\\2", cell(text))


def span(found: timedelta) -> str:
    """Return a length of time in hours and minutes."""
    minutes = int(found.total_seconds() // 60)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"


def between(moments: Mapping[str, datetime], start: str, end: str) -> str:
    """Return how long it took from one moment to another, or that it is not known."""
    if start not in moments or end not in moments:
        return "not known"
    found = moments[end] - moments[start]
    return span(found) if found >= timedelta(0) else f"not known: {end} is before {start}"


def table(entries: list[Entry], gap: timedelta) -> str:
    """Return sorted entries as a table in UTC; a silence of `gap` or more is a question.

    A silence between the end of the impact and what follows it is the watch, and no question.
    """
    rows, before, watched = ["| Time | Who | What |", "| --- | --- | --- |"], None, False
    for entry in entries:
        if before and not watched and entry.at - before >= gap:
            rows.append(f"| | | _Nothing was written down for {span(entry.at - before)}. What happened?_ |")
        rows.append(f"| {entry.at.astimezone(UTC):%Y-%m-%d %H:%M} | {cell(entry.who)} | {cell(entry.text)} |")
        before = entry.at
        watched = is_end(entry) or (watched and entry.kind in ("note", "update", "role", "severity"))
    return "\n".join(rows)


def is_end(entry: Entry) -> bool:
    """Return True if the entry says that the impact ended."""
    return MOMENTS.get(entry.kind) == "ended"


def what_helped(entries: list[Entry], ended: datetime | None) -> list[str]:
    """Return the mitigations that say that they helped, and the last one before the end of the impact.

    A mitigation that says that it had no effect is left out.
    """
    made = [e for e in entries if e.kind == "mitigation"]
    ends = [e.at for e in entries if is_end(e) and ended and e.at < ended]
    before_end = [e for e in made if ended and e.at <= ended and all(e.at > at for at in ends)]
    return [
        e.text
        for e in made
        if not SAYS_FAILED.search(e.text) and (e in before_end[-1:] or SAYS_HELPED.search(e.text))
    ]


def draft(story: Story, template: str, gap: timedelta) -> str:
    """Return the document; a slot that this script does not know stays as it is."""
    moments, entries = dict(story.moments), sorted(story.entries, key=lambda e: e.at)
    first = moments.get("declared") or moments.get("detected") or (entries[0].at if entries else None)
    findings = "\n".join(f"- {line(e.text)}" for e in entries if e.kind == "finding")
    helped = "\n".join(f"- {line(text)}" for text in what_helped(entries, moments.get("ended")))
    alarm = "paged" if "paged" in moments else "detected"
    acknowledged = f"- Time to acknowledge: {between(moments, alarm, 'acknowledged')}"
    impact = "\n".join(map(line, story.impact.splitlines())) or IMPACT
    slots = {
        "ref": cell(story.ref) or "_Which incident?_",
        "title": cell(story.title) or "_What failed, for whom?_",
        "severity": cell(story.severity) or "_Which severity?_",
        "date": f"{first.astimezone(UTC):%d %B %Y}" if first else "_which day?_",
        "services": ", ".join(map(cell, story.services)) or "_which?_",
        "summary": "\n".join(map(line, story.summary.splitlines())) or SUMMARY,
        "impact": f"{impact}\n\n{acknowledged}",
        "detected_to_declared": between(moments, "detected", "declared"),
        "detected_to_end": between(moments, "detected", "ended"),
        "declared_to_closed": between(moments, "declared", "closed"),
        "timeline": table(entries, gap),
        "findings": findings or "- _No finding was recorded. What was found on the way?_",
        "mitigations": helped or HELPED,
        "went_wrong": "- _What delayed the detection or the repair?_",
    }
    return re.sub(r"\{\{(\w+)\}\}", lambda m: slots.get(m[1], m[0]), template).rstrip() + "\n"


def read_template(path: Path) -> str:
    """Return the template `postmortem` of a file of templates."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise Misused(f"Cannot read the template in {path}: {error}. Use --template.") from error
    shape = r"^`postmortem` · [^\n]*\n+(`{3,})(?:markdown|text)\n(.*?)\n\1[ \t]*$"
    if found := re.search(shape, text, re.M | re.S):
        return found[2]
    raise Misused(f"{path} has no template `postmortem`. Use --template.")


def secret(name: str) -> str:
    """Return a variable of the environment."""
    if found := os.environ.get(name):
        return found
    raise Misused(f"Set {name} in the environment. See --help.")


def story_of(options: argparse.Namespace, sleep: Callable[[float], None]) -> Story:
    """Return the story from the source that was asked for."""
    try:
        if options.source == "firebell":
            headers = {"Authorization": f"Bearer {secret('FIREBELL_KEY')}"}
            return of_firebell(Api("Firebell", secret("FIREBELL_URL"), headers, sleep), options.what)
        if options.source == "pagerduty":
            headers = {"Authorization": f"Token token={secret('PAGERDUTY_TOKEN')}"}
            headers["Accept"] = "application/vnd.pagerduty+json;version=2"
            return of_pagerduty(Api("PagerDuty", options.pagerduty_api, headers, sleep), options.what)
    except (KeyError, TypeError, ValueError) as error:
        raise Problem(
            f"{options.source} answered in another shape than its API describes: {error!r}"
        ) from error
    path = Path(options.what)
    try:
        data = sys.stdin.buffer.read(LARGEST) if options.what == "-" else path.read_bytes()
        return of_file(data.decode("utf-8-sig"), path.suffix.casefold(), ZoneInfo(options.tz))
    except Misused as misused:
        raise Misused(f"{options.what}: {misused}") from misused
    except (OSError, ValueError) as error:
        raise Misused(f"Cannot read {options.what}: {error}") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise Misused(f"{options.what}, or --tz {options.tz}, cannot be used: {error}") from error


def write(text: str, options: argparse.Namespace) -> None:
    """Write the document; a file that exists is left alone without --force."""
    if options.output == "-" or options.dry_run:
        sys.stdout.write(text)
        return
    try:
        with Path(options.output).open("w" if options.force else "x", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as error:
        raise Misused(
            f"{options.output} exists. Use another --output, or --force to overwrite it."
        ) from error
    except OSError as error:
        raise Misused(f"Cannot write {options.output}: {error}") from error


def main(argv: list[str] | None = None, sleep: Callable[[float], None] = time.sleep) -> int:
    """Answer the command line; return the exit code."""
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, epilog=HELP, formatter_class=shape)
    add = parser.add_argument
    add("source", choices=("firebell", "pagerduty", "file"))
    add("what", help="reference, id or path; - is standard input")
    add("--output", default="-", metavar="FILE", help="default: standard output")
    add("--force", action="store_true", help="overwrite the output")
    add("--dry-run", action="store_true", help="print the document, write no file")
    add("--title", help="instead of the source's")
    add("--severity", help="for example SEV1; instead of the source's")
    add("--services", help="comma-separated; instead of the source's")
    add("--tz", default="UTC", help="of times without an offset in a file; default %(default)s")
    add("--gap", type=int, default=30, metavar="MIN", help="a silence that is named; default %(default)s")
    add("--template", default=str(TEMPLATE), metavar="FILE", help="default: the handbook's")
    add("--pagerduty-api", default="https://api.pagerduty.com", metavar="URL", help="default %(default)s")
    options = parser.parse_args(argv)
    if options.gap < 1:
        parser.error("--gap needs at least 1 minute")
    try:
        template, story = read_template(Path(options.template)), story_of(options, sleep)
        story.title, story.severity = options.title or story.title, options.severity or story.severity
        if options.services:
            story.services = [s.strip() for s in options.services.split(",") if s.strip()]
        write(draft(story, template, timedelta(minutes=options.gap)), options)
    except KeyboardInterrupt:
        return 130
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 2 if isinstance(problem, Misused) else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
