"""pagerduty-slack.py as a server, between stand-ins of PagerDuty and Slack."""

import argparse
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import ThreadingHTTPServer
from typing import Any
from urllib.parse import urlencode

import httpx

from tests.handbook.readers import module
from tests.handbook.stand_ins import pagerduty as pd
from tests.handbook.stand_ins import slack as sl
from tests.handbook.stand_ins.server import Answer, Request, Served, served

SCRIPT = "examples/integrations/pagerduty-slack.py"
SIGNING = "8f742231b10e8888abcd99yyyzzz85a5"
CHANNEL = "incident-2026-11-24-card-payments-fail"
ENV = {
    "PAGERDUTY_WEBHOOK_SECRET": pd.SECRET,
    "SLACK_BOT_TOKEN": sl.TOKEN,
    "SLACK_SIGNING_SECRET": SIGNING,
    "PAGERDUTY_TOKEN": pd.KEY,
    "PAGERDUTY_FROM": "bridge@example.org",
}


class Said:
    """Slack's response_url: what the person who ran the command reads."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def answer(self, request: Request) -> Answer:
        assert request.json["response_type"] == "ephemeral"
        self.texts.append(request.json["text"])
        return Answer(body=b"ok")


@dataclass
class Stack:
    """Both stand-ins, and the script's server between them."""

    slack: sl.Slack
    pagerduty: pd.PagerDuty
    to_slack: Served
    to_pagerduty: Served
    said: Said
    answers: Served
    bridge: Any
    url: str

    def send(self, body: dict[str, Any], header: str | None = None, settle: bool = True) -> httpx.Response:
        """Send a webhook of PagerDuty, and finish the work."""
        data = json.dumps(body, ensure_ascii=False).encode()
        signature = pd.signature(data, pd.SECRET) if header is None else header
        headers = {"X-PagerDuty-Signature": signature} if signature else {}
        got = httpx.post(f"{self.url}/pagerduty", content=data, headers=headers)
        if settle:
            self.bridge.settle()
        return got

    def happens(self, kind: str, at: str = "2026-11-24T03:14:00Z", **more: Any) -> httpx.Response:
        """Change the incident in PagerDuty."""
        return self.send(pd.webhook(kind, at, more=more))

    def types(
        self, text: str, user: str = "U0MARA", age_s: int = 0, secret: str = SIGNING, channel: str = ""
    ) -> httpx.Response:
        """Run the slash command in the channel."""
        form = {
            "command": "/pd",
            "text": text,
            "user_id": user,
            "channel_id": channel or self.channel().id,
            "response_url": f"{self.answers.url}/commands/1",
        }
        body, at = urlencode(form).encode(), str(int(time.time()) - age_s)
        base = b"v0:" + at.encode() + b":" + body
        signature = "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()
        headers = {"X-Slack-Request-Timestamp": at, "X-Slack-Signature": signature}
        headers["Content-Type"] = "application/x-www-form-urlencoded"
        got = httpx.post(f"{self.url}/slack/commands", content=body, headers=headers)
        self.bridge.settle()
        return got

    def channel(self) -> sl.Channel:
        """Return the only channel."""
        (channel,) = self.slack.channels.values()
        return channel

    def texts(self) -> list[str]:
        """Return the messages of the only channel; the summary is the first."""
        return [message.visible_text for message in self.channel().messages.values()]

    def calls(self, method: str) -> int:
        """Return how often a method of Slack was called."""
        return self.to_slack.paths().count(f"POST /api/{method}")

    def later(self) -> None:
        """Skip the pauses and retry the work."""
        self.bridge.store.run("update inbox set due = 0")
        self.bridge.settle()


def options(to_slack: Served, to_pagerduty: Served, state: str, **more: Any) -> argparse.Namespace:
    """Return the parsed command line."""
    values: dict[str, Any] = {"priority": [], "invite": ["U0MARA", "U0NOBODY"], "private": False}
    values |= {"runbooks": "https://runbooks.example.org", "dry_run": False, "replay": None, "state": state}
    values |= {"slack_api": f"{to_slack.url}/api/", "pagerduty_api": to_pagerduty.url}
    return argparse.Namespace(**{**values, **more})


@contextmanager
def opened(state: str = ":memory:", **more: Any) -> Iterator[Stack]:
    """Run the bridge against stand-ins of Slack and PagerDuty."""
    slack, pagerduty, said = sl.Slack(), pd.PagerDuty(), Said()
    with served(slack) as to_slack, served(pagerduty) as to_pagerduty, served(said) as back:
        door = module(SCRIPT).build(options(to_slack, to_pagerduty, state, **more))
        with ThreadingHTTPServer(("127.0.0.1", 0), door) as server:
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
            thread.start()
            url = f"http://127.0.0.1:{server.server_address[1]}"
            yield Stack(slack, pagerduty, to_slack, to_pagerduty, said, back, door.bridge, url)
            server.shutdown()
            thread.join()
        door.bridge.http.close()
        door.bridge.store.db.close()
