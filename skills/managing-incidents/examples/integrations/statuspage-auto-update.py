#!/usr/bin/env python3
# /// script
# requires-python = ">=3.11"
# dependencies = ["httpx>=0.28"]
# ///
"""Incidents of Firebell, or alerts of Alertmanager, on a status page at Statuspage.io.

Each incident is posted once and then moved through its stages; what was posted is remembered in the metadata of the
post, so it may run from cron, twice, or on another machine. A person's change on the page wins. Nothing is resolved
without --auto-resolve, and no subscriber is notified without --notify. Internal words are not published: the page
reads the templates `status-*` of the handbook, filled from your mapping file. API: https://developer.statuspage.io
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import sys
import time
import tomllib
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

try:
    import httpx
except ImportError:
    if not {"-h", "--help"} & set(sys.argv[1:]):
        sys.exit("httpx is missing.\nUse `uv run statuspage-auto-update.py`, or `pip install httpx` first.")

PASSING = (408, 420, 425, 429, 500, 502, 503, 504)  # Statuspage answers 420 or 429 to too many calls
TRIES, TIMEOUT_S, LONGEST_WAIT_S = 5, 15, 120.0
CALLS, WINDOW_S = 60, 60.0
STAGES = ("investigating", "identified", "monitoring", "resolved", "postmortem")
PHASES = {
    "declared": "investigating",
    "investigating": "investigating",
    "mitigating": "investigating",  # mitigation comes first, often before anyone knows the cause
    "monitoring": "monitoring",
    "closed": "resolved",
    "reviewed": "resolved",
    "dismissed": "dismissed",
}
IMPACT = ("critical", "major", "minor", "none")
HEALTH = ("major_outage", "partial_outage", "degraded_performance", "operational")
WORDS = ("is not available", "is partly not available", "is slow or fails for some of you", "works")
LABELS = {"critical": "SEV1", "page": "SEV1", "error": "SEV2", "warning": "SEV2", "info": "SEV3"}
TEMPLATES = Path(__file__).resolve().parents[1] / "communication-templates.md"
HELP = """\
environment:
  STATUSPAGE_KEY   API key of Statuspage (Authorization: OAuth)
  STATUSPAGE_PAGE  id of the page, when the mapping file does not name it
  FIREBELL_KEY     API key of Firebell with incidents:read (--firebell); a dry run reads incidents too

mapping file (TOML):
  page = "kctbh9vrtdwd"
  publish = ["SEV0", "SEV1"]             # what is posted; SEV2 only if customers notice it
  title = "public"                       # or "source": publish the title of the incident
  tz = "Europe/Stockholm"                # of the times in the texts; default: UTC
  next_update_minutes = 30               # promise one; without it no promise is posted
  label = "service"                      # Alertmanager: the label that names the service
  [services.checkout]                    # slug in Firebell, value of the label in Alertmanager
  component = "8kbf7d35c070"
  name = "Checkout"
  impact = "some card payments fail"     # optional, as is workaround = "pay by invoice"
  [severities]                           # Alertmanager: label severity to SEV
  critical = "SEV1"
  [slots]                                # any further slot of the templates
  organization = "Kestrel"
  A sentence of a template with a slot that nobody filled is not posted.

examples:
  statuspage-auto-update.py --map page.toml --firebell https://firebell.example.org --dry-run
  statuspage-auto-update.py --map page.toml --firebell https://firebell.example.org --every 60
  statuspage-auto-update.py --map page.toml --alertmanager alert.json --auto-resolve

exit codes: 0 the page is as it should be, 1 a call failed, 2 the command, a file or the environment is wrong
"""


class Problem(Exception):  # noqa: N818
    """What failed, where, and what to do."""


class Misused(Problem):
    """The command, a file or the environment is wrong."""


class Again(Exception):  # noqa: N818
    """A call that may succeed later."""

    def __init__(self, why: str, header: str | None = None) -> None:
        super().__init__(why)
        self.wait_s = float(header) if header and header.isdecimal() else None


@dataclass(frozen=True)
class Incident:
    """What its source says; `severity` is 0 to 3, `stage` one of STAGES or `dismissed`."""

    key: str
    title: str
    severity: int
    stage: str
    services: tuple[str, ...]
    began: datetime | None = None
    ended: datetime | None = None


class Client:
    """Calls one API with timeouts, pauses between tries, and at most 60 calls a minute."""

    def __init__(
        self, name: str, base: str, headers: dict[str, str], sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self.name, self.sleep, self.made = name, sleep, deque[float]()
        self.base, self.headers = base.rstrip("/"), headers

    def once(self, verb: str, path: str, body: Any = None) -> httpx.Response:
        """Call once; Problem when it is refused, Again when it may not be the next time."""
        while self.made and len(self.made) >= CALLS:
            self.sleep(max(0.0, self.made.popleft() + WINDOW_S - time.monotonic()))
        self.made.append(time.monotonic())
        try:
            answer = httpx.request(verb, self.base + path, json=body, headers=self.headers, timeout=TIMEOUT_S)
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            raise Misused(f"{self.name}: {error}") from error
        except httpx.TransportError as error:
            raise Again(f"{type(error).__name__} {error}".strip()) from error
        if answer.status_code in PASSING:
            raise Again(f"status {answer.status_code}", answer.headers.get("Retry-After"))
        if answer.is_error:
            raise Problem(f"{self.name} refused {verb} {path}: {answer.status_code} {answer.text[:500]}")
        return answer

    def call(
        self, verb: str, path: str, body: Any = None, found: Callable[[], Any] = lambda: None
    ) -> httpx.Response | None:
        """Call until it is answered; `found` says whether a try whose answer was lost was done."""
        for turn in range(TRIES):
            try:
                return self.once(verb, path, body)
            except Again as again:
                if turn == TRIES - 1:
                    why = f"{self.name} did not do {verb} {path} in {TRIES} tries: {again}"
                    raise Problem(why) from again
                wait = 2.0**turn if again.wait_s is None else again.wait_s
                self.sleep(min(LONGEST_WAIT_S, wait))
                if found():
                    return None
        raise AssertionError("unreachable")

    def get(self, path: str) -> Any:
        """Return the JSON of an address."""
        answer = self.call("GET", path)
        try:
            return answer.json() if answer else None
        except ValueError as error:
            raise Problem(f"{self.name} answered {path} with something that is not JSON") from error


def severity(text: str, where: str) -> int:
    """Return 0 to 3 for SEV0 to SEV3."""
    if not re.fullmatch("SEV[0-3]", text):
        raise Misused(f"{where}: {text!r} is no severity. Use SEV0, SEV1, SEV2 or SEV3.")
    return int(text[3])


def instant(text: str | None) -> datetime | None:
    """Return an instant; None for nothing and for Alertmanager's zero."""
    found = datetime.fromisoformat(text) if text else None
    return None if found is None or found.year < 1970 else found


def of_firebell(api: Client, refs: list[str]) -> list[Incident]:
    """Return what is open, and what became of `refs` that are not."""
    path, shown = "/api/v1/incidents?limit=100", []
    while path:
        answer = api.call("GET", path)
        assert answer
        shown += answer.json()
        path = answer.links.get("next", {}).get("url", "")
    known = {one["ref"] for one in shown}
    shown += [api.get(f"/api/v1/incidents/{ref}") for ref in refs if ref not in known]
    incidents = []
    for one in shown:
        if one.get("phase") not in PHASES:
            print(f"{one.get('ref')}: its phase {one.get('phase')!r} is not known, skipped", file=sys.stderr)
            continue
        try:
            incidents.append(
                Incident(
                    one["ref"],
                    one["title"],
                    severity(one["severity"], one["ref"]),
                    PHASES[one["phase"]],
                    tuple(one["services"]),
                    instant(one["detected_at"]),
                    instant(one["resolved_at"]),
                )
            )
        except (KeyError, TypeError) as error:
            raise Problem(f"Firebell answered with an incident of another shape: {error!r}") from error
    return incidents


def of_alertmanager(body: Any, settings: Mapping[str, Any]) -> list[Incident]:
    """Return the one incident of a webhook body, version 4."""
    try:
        group, status, alerts = body["groupKey"], body["status"], body["alerts"]
        firing = [a for a in alerts if a["status"] == "firing"] or alerts
        names = {**LABELS, **settings.get("severities", {})}
        worst = min(names.get(a["labels"].get("severity", ""), "SEV2") for a in firing)
        services = {a["labels"].get(settings.get("label", "service"), "") for a in firing} - {""}
        shared = body.get("commonAnnotations", {}), body.get("commonLabels", {})
        title = shared[0].get("summary") or shared[1].get("alertname") or "Alert"
        ends = [at for a in alerts if (at := instant(a.get("endsAt")))]
        return [
            Incident(
                "AM-" + hashlib.sha256(group.encode()).hexdigest()[:16],
                title,
                severity(worst, "[severities]"),
                {"firing": "investigating", "resolved": "resolved"}[status],
                tuple(sorted(services)),
                min(at for a in firing if (at := instant(a["startsAt"]))),
                max(ends, default=None) if status == "resolved" else None,
            )
        ]
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise Misused(f"This is no webhook body of Alertmanager, version 4: {error!r}") from error


def read_templates(path: Path) -> dict[str, str]:
    """Return the templates `status-*` by their ids."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise Misused(f"Cannot read the templates in {path}: {error}. Use --templates.") from error
    shape = r"^`(status-[\w-]+)` · [^\n]*\n+(`{3,})(?:markdown|text)\n(.*?)\n\2[ \t]*$"
    found = {m[1]: m[3] for m in re.finditer(shape, text, re.M | re.S)}
    absent = [f"status-{stage}" for stage in STAGES[:4] if f"status-{stage}" not in found]
    if absent:
        raise Misused(f"{path} has no template {', '.join(absent)}. Use --templates.")
    return found


def filled(template: str, slots: Mapping[str, str]) -> str:
    """Return the text; a sentence with a slot that nobody filled is left out."""
    lines = []
    for line in template.splitlines():
        sentences = [
            re.sub(r"\{\{(\w+)\}\}", lambda m: slots[m[1]], sentence)
            for sentence in re.split(r"(?<=[.!?])\s+", line)
            if all(slots.get(name) for name in re.findall(r"\{\{(\w+)\}\}", sentence))
        ]
        lines += [" ".join(sentences)] if sentences else []
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()[:25_000]


def public(text: str) -> str:
    """Return words from elsewhere as one line without markup or control characters."""
    return " ".join(re.sub(r"[<>\x00-\x1f\x7f]", " ", text).split())


class Page:
    """One page at Statuspage, and what this script posted on it."""

    def __init__(self, api: Client, options: argparse.Namespace, settings: Mapping[str, Any]) -> None:
        self.api, self.options, self.settings = api, options, settings
        self.path = f"/v1/pages/{settings['page']}/incidents"
        self.services: Mapping[str, Any] = settings["services"]
        self.texts = read_templates(Path(options.templates))
        self.posts: list[dict[str, Any]] = []

    def read(self) -> None:
        """Read the posts of this script, the newest first."""
        if self.options.dry_run and not os.environ.get("STATUSPAGE_KEY"):
            return
        found = self.api.get(f"{self.path}/unresolved") + self.api.get(f"{self.path}?limit=100")
        # a copy that Firebell itself keeps has no key, and is left alone
        ours = {p["id"]: p for p in found if "key" in ((p.get("metadata") or {}).get("firebell") or {})}
        self.posts = sorted(ours.values(), key=lambda p: str(p["created_at"]), reverse=True)

    def post_of(self, key: str) -> dict[str, Any] | None:
        """Return the newest post about an incident that is not known to be over."""
        same = [p for p in self.posts if p["metadata"]["firebell"]["key"] == key]
        return same[0] if same and same[0]["metadata"]["firebell"]["stage"] != "resolved" else None

    def open_keys(self) -> list[str]:
        """Return the keys of the incidents whose end is awaited."""
        ours = [p["metadata"]["firebell"] for p in self.posts]
        return [one["key"] for one in ours if one["stage"] != "resolved"]

    def apply(self, incident: Incident, now: datetime) -> str:
        """Make the page say what it should about one incident; return what was done."""
        known = [s for s in incident.services if s in self.services]
        name, post = f"SEV{incident.severity}", self.post_of(incident.key)
        if post is None:
            if incident.stage in ("resolved", "dismissed"):
                return "over, and was not posted"
            if name not in self.settings["publish"]:
                return f"{name} is not published"
            if not known:
                return f"no component for {', '.join(incident.services) or 'no service'} in the mapping file"
        if incident.stage == "dismissed":
            return "a false alarm: correct and end the post by hand"
        before = post["metadata"]["firebell"] if post else {}
        stage = incident.stage
        if stage == "resolved" and not self.options.auto_resolve:
            stage = "monitoring"
        shown = post["status"] if post else ""
        moved = bool(post) and shown != before["stage"]
        if moved and STAGES.index(stage) <= STAGES.index(shown):
            stage = shown
        health = self.health(incident, known, stage)
        meta = {"key": incident.key, "stage": stage, "severity": name, "components": health}
        if shown in ("resolved", "postmortem"):
            if incident.stage != "resolved":
                return "resolved by a person, left alone"
            meta |= {"stage": "resolved", "components": {}}
            change: dict[str, Any] = {"metadata": {"firebell": meta}, "deliver_notifications": False}
            return self.write(post, change, "resolved by a person, remembered")
        if post and (stage, meta) == (shown, before):
            return "nothing new"
        change = {"metadata": {"firebell": meta}, "deliver_notifications": self.options.notify}
        if stage != shown:
            change |= {"status": stage, "body": self.text(incident, known, stage, now)}
        if health != before.get("components"):
            change |= {"components": self.with_others(incident.key, health), "component_ids": list(health)}
        if name != before.get("severity"):
            change["impact_override"] = IMPACT[incident.severity]
        if post is None:
            change["name"] = self.title(incident, known)
        return self.write(post, change, f"{shown or 'new'} to {stage}" if stage != shown else "changed")

    def health(self, incident: Incident, known: list[str], stage: str) -> dict[str, str]:
        """Return the status of each component: milder while monitoring, operational when resolved."""
        worst = {"monitoring": max(incident.severity, 2), "resolved": 3}.get(stage, incident.severity)
        return {self.services[s]["component"]: HEALTH[worst] for s in known}

    def with_others(self, key: str, health: Mapping[str, str]) -> dict[str, str]:
        """Return the statuses, none better than what another open post says of the same component."""
        found = dict(health)
        for post in self.posts:
            other = post["metadata"]["firebell"]
            if other["key"] != key and post["status"] not in STAGES[3:]:
                for component, status in other.get("components", {}).items():
                    if component in found:
                        found[component] = min(found[component], status, key=HEALTH.index)
        return found

    def title(self, incident: Incident, known: list[str]) -> str:
        """Return the name of the post: the services, or the title of the incident when that may be published."""
        if self.settings.get("title") == "source":
            return public(incident.title)[:255]
        return f"{', '.join(self.services[s]['name'] for s in known)}: disruption"[:255]

    def text(self, incident: Incident, known: list[str], stage: str, now: datetime) -> str:
        """Return the text of a stage."""
        zone = ZoneInfo(self.settings.get("tz", "UTC"))
        ours = [self.services[s] for s in known]
        impact = [s.get("impact") or f"{s['name']} {WORDS[incident.severity]}" for s in ours]
        former = {"organisation": "organization"}  # renamed slots; codespell:ignore organisation
        slots = {former.get(k, k): str(v) for k, v in self.settings.get("slots", {}).items()}
        slots |= {"impact": "; ".join(impact) + ".", "services": ", ".join(s["name"] for s in ours)}
        slots["workaround"] = "; ".join(s["workaround"] for s in ours if s.get("workaround"))
        slots |= {"ref": incident.key, "severity": f"SEV{incident.severity}", "tz": str(zone)}
        slots["date"] = f"{now.astimezone(zone):%Y-%m-%d}"
        times = {"detected_at": incident.began, "impact_start": incident.began, "impact_end": incident.ended}
        times["resolved_at"] = incident.ended
        if minutes := self.settings.get("next_update_minutes"):
            times["next_update"] = now + timedelta(minutes=minutes)
        slots |= {k: f"{at.astimezone(zone):%H:%M}" for k, at in times.items() if at}
        if not (text := filled(self.texts[f"status-{stage}"], slots)):
            raise Misused(f"The template status-{stage} has nothing to say: fill its slots under [slots].")
        return text

    def write(self, post: dict[str, Any] | None, change: dict[str, Any], done: str) -> str:
        """Write the change, or print it in a dry run; return what was done."""
        verb, path = ("PATCH", f"{self.path}/{post['id']}") if post else ("POST", self.path)
        if self.options.dry_run:
            call = {"call": f"{verb} {path}", "body": {"incident": change}}
            print(json.dumps(call, ensure_ascii=False), flush=True)
            return f"would be: {done}"

        def found() -> bool:
            self.read()
            return any(p["metadata"] == change["metadata"] for p in self.posts)

        if answer := self.api.call(verb, path, {"incident": change}, found):
            self.posts = [answer.json(), *(p for p in self.posts if p is not post)]
        return done


def read_settings(path: str) -> dict[str, Any]:
    """Return the mapping file, complete and checked."""
    try:
        found = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise Misused(f"Cannot read the mapping file {path}: {error}") from error
    found["page"] = found.get("page") or os.environ.get("STATUSPAGE_PAGE", "")
    if not re.fullmatch(r"\w+", found["page"]):
        raise Misused(f"{path}: `page` is missing, or set STATUSPAGE_PAGE.")
    for name, service in found.setdefault("services", {}).items():
        if not service.get("component") or not service.get("name"):
            raise Misused(f"{path}: [services.{name}] needs `component` and `name`.")
    for level in found.setdefault("publish", ["SEV0", "SEV1"]):
        severity(level, f"{path}: publish")
    try:
        ZoneInfo(found.get("tz", "UTC"))
    except (KeyError, ValueError) as error:
        raise Misused(f"{path}: tz {found['tz']!r} is no time zone, such as Europe/Stockholm.") from error
    return found


def secret(name: str, dispensable: bool = False) -> str:
    """Return a secret of the environment."""
    found = os.environ.get(name, "")
    if not found and not dispensable:
        raise Misused(f"Set {name} in the environment. See --help.")
    return found


def run(options: argparse.Namespace, api: Client, firebell: Client | None) -> int:
    """Bring the page up to date once; return 1 when something failed."""
    page = Page(api, options, read_settings(options.map))
    page.read()
    if firebell:
        incidents = of_firebell(firebell, [k for k in page.open_keys() if not k.startswith("AM-")])
    else:
        try:
            name = options.alertmanager
            body = json.loads(sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise Misused(f"Cannot read the alerts in {options.alertmanager}: {error}") from error
        incidents = of_alertmanager(body, page.settings)
    failed = 0
    for incident in incidents:
        try:
            done = page.apply(incident, datetime.now(UTC))
        except Problem as problem:
            failed, done = 1, f"failed: {problem}"
        print(f"{incident.key}: {done}", file=sys.stderr, flush=True)
    return failed


def start(options: argparse.Namespace, sleep: Callable[[float], None] = time.sleep) -> int:
    """Run once, or again and again, when what fails is tried the next time."""
    headers = {"Authorization": f"OAuth {secret('STATUSPAGE_KEY', options.dry_run)}"}
    api, firebell = Client("Statuspage", options.statuspage_api, headers, sleep), None
    if options.firebell:
        headers = {"Authorization": f"Bearer {secret('FIREBELL_KEY')}"}
        firebell = Client("Firebell", options.firebell, headers, sleep)
    while options.every:
        try:
            run(options, api, firebell)
        except Misused:
            raise
        except Problem as problem:
            print(problem, file=sys.stderr, flush=True)
        sleep(options.every)
    return run(options, api, firebell)


def main(argv: list[str] | None = None) -> int:
    """Answer the command line; return the exit code."""
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, epilog=HELP, formatter_class=shape)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--firebell", metavar="URL", help="read the incidents of a Firebell")
    source.add_argument("--alertmanager", metavar="FILE", help="read a webhook body; - is standard input")
    add = parser.add_argument
    add("--map", required=True, metavar="FILE", help="mapping file, see below")
    add("--auto-resolve", action="store_true", help="resolve posts too; default: stop at monitoring")
    add("--notify", action="store_true", help="let Statuspage notify its subscribers; default: it does not")
    add("--every", type=int, metavar="SECONDS", help="go on (--firebell); without it once, as from cron")
    add("--dry-run", action="store_true", help="print the calls that would change the page, make none")
    add("--templates", default=str(TEMPLATES), metavar="FILE", help="default: the handbook's")
    add("--statuspage-api", default="https://api.statuspage.io", metavar="URL", help="default %(default)s")
    options = parser.parse_args(argv)
    if options.every is not None and (options.every < 5 or not options.firebell):
        parser.error("--every needs --firebell and at least 5 seconds")
    try:
        return start(options)
    except KeyboardInterrupt:
        return 130
    except Problem as problem:
        print(problem, file=sys.stderr)
        return 2 if isinstance(problem, Misused) else 1


if __name__ == "__main__":
    sys.exit(main())
