#!/usr/bin/env python3
# /// script
# requires-python = ">=3.11"
# dependencies = ["httpx>=0.28", "slack-sdk>=3.36"]
# ///
"""A channel in Slack for every incident of PagerDuty, and commands from that channel back to PagerDuty.

Rules come from PagerDuty's webhooks v3 and REST API v2 (https://developer.pagerduty.com) and from Slack's Web
API (https://docs.slack.dev). What arrives is written to SQLite before it is answered, and stays there until it
is done: a restart or an outage of Slack or PagerDuty loses nothing.
"""

from __future__ import annotations

import argparse
import hashlib
import hmac
import json
import os
import re
import sqlite3
import sys
import threading
import time
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import parse_qsl

try:
    import httpx
    from slack_sdk.errors import SlackApiError
    from slack_sdk.signature import SignatureVerifier
    from slack_sdk.web import WebClient
except ImportError as missing:
    if not {"-h", "--help"} & set(sys.argv[1:]):
        sys.exit(f"{missing}.\nUse `uv run pagerduty-slack.py`, or `pip install httpx slack-sdk` first.")

PASSING = (408, 425, 429, 500, 502, 503, 504, "ratelimited", "internal_error", "fatal_error")
# how often work is tried, by its kind and by whether it was refused for good
LIMITS = {("event", True): 12, ("event", False): 150, ("command", True): 1, ("command", False): 6}
TIMEOUT_S, LONGEST_WAIT_S, KEEP_S = 10, 600.0, 30 * 86400
LARGEST = 512 * 1024  # PagerDuty itself drops what is larger than 256 KB
MALFORMED = (ValueError, KeyError, TypeError, AttributeError)
ACCEPT_V2 = "application/vnd.pagerduty+json;version=2"
USAGE = "Use `ack`, `resolve`, `note TEXT`, `escalate LEVEL` or `status` in the channel of an incident."
DID = {
    "acknowledged": ("Acknowledged", None),
    "annotated": ("Note", None),
    "delegated": ("Handed to another escalation policy", "escalation_policy"),
    "escalated": ("Escalated", "assignees"),
    "priority_updated": ("Priority changed", "priority"),
    "reassigned": ("Reassigned", "assignees"),
    "reopened": ("Reopened", None),
    "resolved": ("Resolved", None),
    "responder.added": ("Responder asked", "user"),
    "responder.replied": ("Responder answered", "user"),
    "status_update_published": ("Status update", None),
    "unacknowledged": ("No longer acknowledged", None),
}
HELP = """\
environment:
  PAGERDUTY_WEBHOOK_SECRET  secret of the webhook subscription; while you rotate it both, with a comma
  SLACK_BOT_TOKEN           xoxb-..., scopes channels:manage (or groups:write) chat:write pins:write
                            users:read users:read.email
  for the commands (without these three the way from Slack to PagerDuty is closed):
  SLACK_SIGNING_SECRET      signing secret of the Slack app
  PAGERDUTY_TOKEN           REST API key
  PAGERDUTY_FROM            email address of a PagerDuty user, for people whose address Slack hides
setup, behind a proxy with TLS that leaves bodies as they are:
  PagerDuty  webhook subscription v3 to https://YOUR-HOST/pagerduty, event types incident.*
  Slack      slash command (for example /pd) to https://YOUR-HOST/slack/commands
examples:
  pagerduty-slack.py --state /var/lib/pagerduty-slack.db --priority P1 --priority P2
  pagerduty-slack.py --dry-run --replay event.json
exit codes: 0 ended, 1 given up (--replay), 2 the command or the environment is wrong
"""
SCHEMA = """
pragma journal_mode = wal;
create table if not exists inbox (seq integer primary key, id text unique, kind text, subject text, body text,
    due real, tries integer default 0, done_at real, error text);
create table if not exists incident (id text primary key, channel text unique, doc text);
"""
ACCEPT = "insert or ignore into inbox (id, kind, subject, body, due) values (?, ?, ?, ?, ?) returning seq"
NEXT = """
select seq, kind, body, tries from inbox a where done_at is null and due <= ? and not exists
    (select 1 from inbox b where b.subject = a.subject and b.done_at is null and b.seq < a.seq)
order by seq limit 1
"""
instant = datetime.fromisoformat


class Problem(Exception):  # noqa: N818 - named as people name it
    """What went wrong, in words; `lasting` when trying again is of little use, `header` a Retry-After."""

    def __init__(self, why: str, lasting: bool = True, header: str | None = None) -> None:
        super().__init__(why)
        self.lasting = lasting
        self.wait_s = float(header) if header and header.isdecimal() else None


def log(text: str) -> None:
    """Print one line for the operator; control characters cannot forge another one."""
    shown = "".join(c if c.isprintable() else "?" for c in text)
    print(f"{datetime.now().astimezone():%Y-%m-%dT%H:%M:%S%z} {shown}", file=sys.stderr, flush=True)


class Store:
    """What is to be done and what is known of each incident, in a SQLite file."""

    def __init__(self, path: str) -> None:
        if path != ":memory:":
            Path(path).touch(mode=0o600)
        self.lock = threading.RLock()
        self.db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self.db.executescript(SCHEMA)
        self.db.execute("delete from inbox where done_at < ?", (time.time() - KEEP_S,))

    def run(self, sql: str, *values: Any) -> list[Any]:
        """Run one statement, written at once; return its rows."""
        with self.lock:
            return self.db.execute(sql, values).fetchall()

    def accept(self, ident: str, kind: str, subject: str, body: Any) -> bool:
        """Keep work until it is done; False when this id was accepted before."""
        return bool(self.run(ACCEPT, ident, kind, subject, json.dumps(body), time.time()))

    def find(self, column: str, value: str) -> dict[str, Any]:
        """Return what is known of the incident whose id or channel is `value`; empty when nothing is."""
        rows = self.run(f"select doc from incident where {column} = ?", value)  # noqa: S608
        return dict(json.loads(rows[0][0])) if rows else {}

    def save(self, doc: dict[str, Any]) -> None:
        """Write what is known of an incident."""
        values = (doc["id"], doc.get("channel"), json.dumps(doc))
        self.run("insert or replace into incident (id, channel, doc) values (?, ?, ?)", *values)


def named(data: dict[str, Any], key: str, otherwise: str = "-") -> str:
    """Return the names of what an object refers to."""
    found = data.get(key) or []
    found = found if isinstance(found, list) else [found]
    return ", ".join(str(one.get("summary") or one["id"]) for one in found) or otherwise


def clip(text: str, limit: int) -> str:
    """Return text of at most `limit` characters."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def escaped(text: str) -> str:
    """Return text in which nothing is a mention, a link or a command to Slack."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def plain(text: str, limit: int = 3000) -> dict[str, Any]:
    """Return a text object in which Slack interprets nothing at all."""
    return {"type": "plain_text", "text": clip(text, limit), "emoji": False}


def channel_name(day: str, title: str, ident: str, more: str = "") -> str:
    """Return `incident-YYYY-MM-DD-topic`: lower case, digits and hyphens, at most 80 characters."""
    ascii_only = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
    topic = re.sub(r"[^a-z0-9]+", "-", ascii_only.lower()).strip("-") or ident.lower()
    end = f"-{more.lower()}" if more else ""
    return f"incident-{day}-{topic}"[: 80 - len(end)].rstrip("-") + end


class Bridge:
    """What an event does in Slack and a command in PagerDuty; each step is saved; a dry run prints the calls."""

    def __init__(self, options: argparse.Namespace, token: str, key: str, sender: str) -> None:
        self.store = Store(":memory:" if options.dry_run else options.state)
        base, headers = options.slack_api, {"Authorization": f"Token token={key}", "Accept": ACCEPT_V2}
        self.web = WebClient(token=token, base_url=base, timeout=TIMEOUT_S, retry_handlers=[])
        self.http = httpx.Client(base_url=options.pagerduty_api, headers=headers, timeout=TIMEOUT_S)
        self.options, self.sender, self.woken = options, sender, threading.Event()

    def slack(self, method: str, fine: Sequence[str] = (), /, **values: Any) -> dict[str, Any]:
        """Call a method of Slack; errors in `fine` are answers. Problem for any other."""
        if self.options.dry_run:
            print(json.dumps({"slack": method, **values}, ensure_ascii=False), flush=True)
            return {"ok": True, "channel": {"id": "C0DRYRUN"}, "ts": "0000000000.000000"}
        # a method that reads takes no JSON
        form = "params" if method == "users.info" else "json"
        try:
            return dict(self.web.api_call(method, **{form: values}).data)  # type: ignore[arg-type]
        except SlackApiError as error:
            status, answer = error.response.status_code, error.response.data
            code = answer.get("error") if isinstance(answer, dict) else None
            if code in fine:
                return dict(answer)
            lasting = status not in PASSING and code not in PASSING
            scope = f" (scope {answer['needed']})" if "needed" in answer else ""
            wait = {k.lower(): v for k, v in error.response.headers.items()}.get("retry-after")
            raise Problem(f"Slack refused {method}: {code or status}{scope}", lasting, wait) from error
        except OSError as error:
            raise Problem(f"Cannot reach Slack for {method}: {error}", lasting=False) from error

    def pagerduty(self, verb: str, path: str, body: Any = None, sender: str = "") -> Any:
        """Call PagerDuty in the name of the sender. Problem when that fails."""
        if self.options.dry_run:
            print(json.dumps({"pagerduty": f"{verb} {path}", "from": sender, "body": body}), flush=True)
            return {}
        try:
            answer = self.http.request(verb, path, json=body, headers={"From": sender} if sender else {})
        except httpx.TransportError as error:
            raise Problem(f"Cannot reach PagerDuty: {type(error).__name__} {error}", lasting=False) from error
        if answer.is_error:
            why = f"PagerDuty refused {verb} {path}: {answer.status_code} {answer.text[:500]}"
            raise Problem(why, answer.status_code not in PASSING, answer.headers.get("Retry-After"))
        return answer.json()

    def settle(self) -> None:
        """Do everything that is due, the oldest first, and of one incident in the order of its arrival."""
        while rows := self.store.run(NEXT, time.time()):
            seq, kind, body, tries = rows[0]
            self.work(seq, kind, json.loads(body), tries)

    def work(self, seq: int, kind: str, body: Any, tries: int) -> None:
        """Do one piece of work; what fails is tried later, up to its limit."""
        now = time.time()
        try:
            self.event(body) if kind == "event" else self.command(body, tries)
        except (Problem, *MALFORMED) as error:
            problem = error if isinstance(error, Problem) else Problem(repr(error))
            over = tries + 1 >= LIMITS[kind, problem.lasting]
            log(f"{kind} {seq}, try {tries + 1}{', given up' if over else ''}: {problem}")
            wait = min(LONGEST_WAIT_S, 2.0 ** min(tries, 20)) if problem.wait_s is None else problem.wait_s
            sql = "update inbox set tries = tries + 1, error = ?, due = ?, done_at = ? where seq = ?"
            self.store.run(sql, str(problem), now + wait, now if over else None, seq)
            if kind == "command" and over:
                self.answer(body, str(problem))
        else:
            self.store.run("update inbox set done_at = ?, error = null where seq = ?", now, seq)

    def event(self, event: dict[str, Any]) -> None:
        """Bring the channel up to what the event says; an event that comes late never turns the state back."""
        kind, data, at = event["event_type"].removeprefix("incident."), event["data"], event["occurred_at"]
        whole = data["type"] == "incident"
        ident = data["id"] if whole else data["incident"]["id"]
        doc = self.store.find("id", ident) or {"id": ident}
        late = whole and instant(at) < instant(doc.get("changed_at", at))
        if whole and not late:
            kept = ("number", "title", "status", "priority", "service", "assignees", "html_url", "created_at")
            doc |= {k: data.get(k) for k in kept}
            doc |= {"changed_at": at, "bridge": (data.get("conference_bridge") or {}).get("conference_url")}
            self.store.save(doc)
        if not doc.get("channel"):
            wanted = not self.options.priority or named(doc, "priority") in self.options.priority
            if not wanted or doc.get("status") not in ("triggered", "acknowledged"):
                return log(f"{ident}: {event['event_type']} opens no channel")
            self.open(doc)
        self.refresh(doc)
        return self.say(doc["channel"], kind, event, late) if kind in DID else None

    def open(self, doc: dict[str, Any]) -> None:
        """Make the channel; when its name is taken, one that ends with PagerDuty's id."""
        day, ident = instant(doc["created_at"]).strftime("%Y-%m-%d"), doc["id"]
        for more in ("", ident, f"{ident}-2", f"{ident}-3"):
            name = channel_name(day, doc["title"], ident, more)
            given = {"name": name, "is_private": self.options.private}
            made = self.slack("conversations.create", ["name_taken"], **given)
            if made["ok"]:
                doc["channel"] = made["channel"]["id"]
                self.store.save(doc)
                return log(f"{ident}: channel #{name}")
        raise Problem(f"Slack has other channels of the name {name}: rename them")

    def refresh(self, doc: dict[str, Any]) -> None:
        """Make the pinned summary, topic and members what they should be; what is done is left."""
        channel, shown = doc["channel"], self.summary(doc)

        def once(key: str, value: Any, fine: Sequence[str], method: str, **given: Any) -> None:
            if doc.get(key) != value:
                answer = self.slack(method, fine, channel=channel, **given)
                doc.update({key: value, **({"ts": answer["ts"]} if key == "mark" else {})})
                self.store.save(doc)

        mark = hashlib.sha256(json.dumps(shown).encode()).hexdigest()
        if doc.get("ts"):
            once("mark", mark, [], "chat.update", ts=doc["ts"], **shown)
        else:
            once("mark", mark, [], "chat.postMessage", **shown)
        once("pinned", True, ["already_pinned"], "pins.add", timestamp=doc["ts"])
        topic = f"{named(doc, 'priority')} · {doc['status']} · {re.sub('[<>&]', ' ', doc['title'])}"
        once("topic", clip(topic, 250), [], "conversations.setTopic", topic=clip(topic, 250))
        fine = ["already_in_channel", "cant_invite_self", "cant_invite", "user_not_found"]
        for user in self.options.invite:
            once(f"invited {user}", True, fine, "conversations.invite", users=user)

    def summary(self, doc: dict[str, Any]) -> dict[str, Any]:
        """Return the pinned message; what people wrote stands in plain text objects alone."""
        title = f"#{doc['number']} {doc['title']}"
        facts = {
            "Status": doc["status"],
            "Priority": named(doc, "priority"),
            "Service": named(doc, "service"),
            "Assigned to": named(doc, "assignees", "nobody"),
            "Since": instant(doc["created_at"]).strftime("%Y-%m-%d %H:%M UTC"),
        }
        links = {"Open in PagerDuty": doc["html_url"], "War room": doc["bridge"]}
        links["Runbooks"] = self.options.runbooks
        shown = [f"<{u}|{k}>" for k, u in links.items() if u and re.fullmatch(r"https?://[^\s<>|]+", u)]
        fields = [plain(f"{k}: {v}", 2000) for k, v in facts.items()]
        blocks = [{"type": "header", "text": plain(title, 150)}, {"type": "section", "fields": fields}]
        if shown:
            blocks.append({"type": "section", "text": {"type": "mrkdwn", "text": "  ·  ".join(shown)}})
        text = escaped(f"{clip(title, 500)}: {doc['status']}")
        return {"text": text, "blocks": blocks, "unfurl_links": False}

    def say(self, channel: str, kind: str, event: dict[str, Any], late: bool) -> None:
        """Write what happened as a message."""
        data, who, (line, part) = event["data"], named(event, "agent", ""), DID[kind]
        line += f": {named(data, part)}" if part else ""
        line += f" {data.get('state') or ''}".rstrip() + (f", by {who}" if who else "")
        line += f", {instant(event['occurred_at']):%H:%M} UTC" + (" (arrived late)" if late else "")
        written = str(data.get("content") or data.get("message") or "")
        blocks = [{"type": "section", "text": plain(one)} for one in (line, written) if one]
        text = escaped(clip(f"{line} {written}".strip(), 500))
        self.slack("chat.postMessage", channel=channel, text=text, blocks=blocks, unfurl_links=False)

    def command(self, form: dict[str, str], tries: int) -> None:
        """Do in PagerDuty what a person asked for in Slack, in their name."""
        verb, _, rest = form["text"].strip().partition(" ")
        ident = self.store.find("channel", form["channel_id"])["id"]
        fine = ["user_not_found", "missing_scope", "user_not_visible"]
        profile = self.slack("users.info", fine, user=form["user_id"]).get("user", {}).get("profile", {})
        sender = profile.get("email") or self.sender
        if verb == "note":
            path, text = f"/incidents/{ident}/notes", clip(rest.strip(), 25000)
            # the answer to an earlier try may have been lost
            if not tries or text not in [note["content"] for note in self.pagerduty("GET", path)["notes"]]:
                self.pagerduty("POST", path, {"note": {"content": text}}, sender)
        else:
            change: dict[str, Any] = {"ack": {"status": "acknowledged"}, "resolve": {"status": "resolved"}}
            one = change.get(verb) or {"escalation_level": int(rest)}
            body = {"incidents": [{"id": ident, "type": "incident_reference", **one}]}
            self.pagerduty("PUT", "/incidents", body, sender)
        self.answer(form, f"Done: {verb}.")

    def answer(self, form: dict[str, str], text: str) -> None:
        """Tell the person who asked, and nobody else."""
        body = {"response_type": "ephemeral", "replace_original": False, "text": escaped(clip(text, 2000))}
        if self.options.dry_run:
            return print(json.dumps({"response_url": body}), flush=True)
        try:
            httpx.post(form["response_url"], json=body, timeout=TIMEOUT_S).raise_for_status()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            log(f"cannot answer in Slack: {error}")

    def take(self, body: Any) -> bool:
        """Keep an event of an incident until it is done; False for one that is of no use or was taken before."""
        event = body["event"]
        if event["resource_type"] != "incident":
            return False
        data, _ = event["data"], instant(event["occurred_at"])
        subject = data["id"] if data["type"] == "incident" else data["incident"]["id"]
        new = self.store.accept(f"pagerduty:{event['id']}", "event", str(subject), event)
        self.woken.set()
        return new

    def receive(self, form: dict[str, str], signature: str) -> str:
        """Take a slash command; return what its sender reads at once."""
        verb, _, rest = form.get("text", "").strip().partition(" ")
        doc = self.store.find("channel", form.get("channel_id", ""))
        if not doc:
            return f"This channel belongs to no incident. {USAGE}"
        if verb == "status":
            return escaped(f"{clip(doc['title'], 300)}: {doc['status']}, {named(doc, 'priority')}.")
        valid = {"ack": not rest, "resolve": not rest, "note": rest.strip(), "escalate": rest.isdecimal()}
        if not valid.get(verb):
            return USAGE
        new = self.store.accept(f"slack:{signature}", "command", f"slack:{doc['id']}", form)
        self.woken.set()
        return f"Sending to PagerDuty: {verb}." if new else "This was sent before."


def signed(body: bytes, header: str, secrets: list[str]) -> bool:
    """Say whether one of the v1 signatures of PagerDuty's header is right for one of the secrets."""
    given = [part.strip() for part in header.split(",")]
    right = ["v1=" + hmac.new(s.encode(), body, hashlib.sha256).hexdigest() for s in secrets]
    return any(hmac.compare_digest(g.encode(), r.encode()) for g in given for r in right)


class Door(BaseHTTPRequestHandler):
    """POST /pagerduty and /slack/commands, GET /healthz; nothing unsigned comes in."""

    bridge: Bridge
    secrets: list[str]
    signing: SignatureVerifier | None
    timeout = TIMEOUT_S

    def end(self, status: int, body: Any) -> None:
        """Answer with JSON."""
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_: Any) -> None:
        """Say nothing about requests: what matters is logged where it happens."""

    def do_GET(self) -> None:
        """Say that it runs."""
        self.end(200 if self.path == "/healthz" else 404, {})

    def do_POST(self) -> None:
        """Take what PagerDuty or Slack sends, once its signature is right."""
        length, get = self.headers.get("Content-Length", ""), self.headers.get
        if not length.isdecimal() or int(length) > LARGEST:
            return self.end(413 if length.isdecimal() else 411, {"error": f"at most {LARGEST} bytes"})
        body, at = self.rfile.read(int(length)), get("X-Slack-Request-Timestamp", "")
        try:
            if self.path == "/pagerduty":
                if not signed(body, get("X-PagerDuty-Signature", ""), self.secrets):
                    return self.end(401, {"error": "no signature in X-PagerDuty-Signature is right"})
                return self.end(202, {"taken": self.bridge.take(json.loads(body))})
            if self.path == "/slack/commands" and self.signing:
                signature = get("X-Slack-Signature", "").encode("ascii", "ignore").decode()
                if not re.fullmatch("[0-9]{1,12}", at) or not self.signing.is_valid(body, at, signature):
                    return self.end(401, {"error": "X-Slack-Signature is wrong or older than five minutes"})
                form = dict(parse_qsl(body.decode(), keep_blank_values=True))
                said = self.bridge.receive(form, signature)
                return self.end(200, {"response_type": "ephemeral", "text": said})
        except MALFORMED as error:
            log(f"{self.path}: a signed body that cannot be read: {error!r}")
            return self.end(400, {"error": "the body is not what the API describes"})
        return self.end(404, {"error": "not found"})


def build(options: argparse.Namespace) -> type[Door]:
    """Return the door with everything behind it; Problem names what is missing in the environment."""
    env = os.environ.get
    secrets = [s.strip() for s in env("PAGERDUTY_WEBHOOK_SECRET", "").split(",") if s.strip()]
    back = {k: env(k, "") for k in ("SLACK_SIGNING_SECRET", "PAGERDUTY_TOKEN", "PAGERDUTY_FROM")}
    wanted = {"SLACK_BOT_TOKEN": options.dry_run or env("SLACK_BOT_TOKEN")}
    wanted |= {"PAGERDUTY_WEBHOOK_SECRET": secrets or options.replay}
    wanted |= back if any(back.values()) else {}
    if absent := [k for k, v in wanted.items() if not v]:
        raise Problem(f"Missing in the environment: {', '.join(absent)}. See --help.")
    bridge = Bridge(options, env("SLACK_BOT_TOKEN", ""), back["PAGERDUTY_TOKEN"], back["PAGERDUTY_FROM"])
    signing = SignatureVerifier(back["SLACK_SIGNING_SECRET"]) if any(back.values()) else None
    return type("OpenDoor", (Door,), {"bridge": bridge, "secrets": secrets, "signing": signing})


def serve(door: type[Door], listen: str) -> NoReturn:
    """Serve until Ctrl-C; what was taken before is done first."""
    host, _, port = listen.rpartition(":")
    with ThreadingHTTPServer((host, int(port)), door) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        log(f"listening on http://{host}:{server.server_address[1]}, commands: {bool(door.signing)}")
        while True:
            door.bridge.woken.clear()
            door.bridge.settle()
            door.bridge.woken.wait(1)


def main(argv: list[str] | None = None) -> int:
    """Answer the command line; return the exit code."""
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, epilog=HELP, formatter_class=shape)
    add = parser.add_argument
    add("--listen", default="127.0.0.1:8090", metavar="HOST:PORT", help="default %(default)s")
    add("--state", default="pagerduty-slack.db", metavar="FILE", help="default %(default)s")
    add("--priority", action="append", default=[], help="only incidents of this priority; may be repeated")
    add("--invite", action="append", default=[], metavar="USER", help="Slack user id to invite; repeatable")
    add("--private", action="store_true", help="make private channels")
    add("--runbooks", default="", metavar="URL", help="shown in the pinned message")
    add("--replay", metavar="FILE", help="do what one saved webhook says, then end")
    add("--dry-run", action="store_true", help="print the calls, send nothing, keep no state")
    add("--slack-api", default="https://slack.com/api/", metavar="URL", help="default %(default)s")
    add("--pagerduty-api", default="https://api.pagerduty.com", metavar="URL", help="default %(default)s")
    options = parser.parse_args(argv)
    try:
        door = build(options)
        if not options.replay:
            serve(door, options.listen)
        run = door.bridge.store.run
        door.bridge.take(json.loads(Path(options.replay).read_text(encoding="utf-8")))
        while run("select 1 from inbox where done_at is null"):
            door.bridge.settle()
            time.sleep(0.1)
        return len(run("select 1 from inbox where error is not null limit 1"))
    except KeyboardInterrupt:
        return 0
    except (Problem, OSError, sqlite3.Error) as error:
        print(error, file=sys.stderr)
    except MALFORMED as error:
        print(f"Cannot read {options.replay or options.listen}: {error!r}", file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main())
