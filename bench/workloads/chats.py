"""W19 and W20: twenty busy incidents in Slack, and alerts while Slack does not answer."""

import asyncio
import hashlib
import hmac
import re
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import httpx
from aiohttp import web
from tests.standins.slack.workspace import ALL_SCOPES, BOT_ID, BOT_USER, TEAM, TOKEN, Workspace, serving

from bench.load_runner import quantile
from bench.product import Product, product
from bench.result import Result, check, number
from bench.workloads import latency
from firebell.chat.accounts import actions as accounts
from firebell.chat.accounts.actions import Connection
from firebell.chat.model import AccountSecrets, AccountSettings, AnnouncementRule, ChatKind
from firebell.incidents import actions as incidents
from firebell.kit.clock import SystemClock
from firebell.kit.context import Context
from firebell.kit.db.events import SYSTEM
from firebell.process import connected
from firebell.settings import Settings

INCIDENTS, PEOPLE = 20, 60
UPDATES_PER_MINUTE, READS_PER_S = 100, 5
SLACK_LATENCY_S = 0.1
ROOMS_LIMIT_S, COMPLETE_LIMIT_S, ENTRIES_LIMIT_S = 60, 120, 30
SECRET = "a signing secret of the bench"  # noqa: S105 - of the stand-in
_STEP = re.compile(r"Step ([0-9]+) of the bench")
_PEOPLE = """
with made as (
    insert into person (name, email, role, tz, created_at)
    select 'Responder ' || i, 'responder' || i || '@example.org', 'responder', 'UTC', now()
    from generate_series(1, $2) i
    returning id
)
insert into chat_user (account_id, external_id, person_id, how, checked_at)
select $1, 'U' || id, id, 'explicit', now()
from made
returning external_id
"""


class SlowSlack(Workspace):
    """A workspace that answers after 100 ms and notes when each entry arrived; it can stop answering."""

    def __init__(self) -> None:
        super().__init__()
        self.hangs = False
        self.arrived: dict[int, float] = {}

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answer one call, late."""
        await asyncio.sleep(3600 if self.hangs else SLACK_LATENCY_S)
        answer = await super().handle(request)
        method, arguments = self.calls[-1]
        if method in ("chat.postMessage", "chat.update") and answer.status == 200:
            for step in _STEP.findall(str(arguments.get("blocks"))):
                self.arrived.setdefault(int(step), time.monotonic())
        return answer


@asynccontextmanager
async def _chatting(it: Product, slack: SlowSlack, *, pages: bool) -> AsyncIterator[tuple[Context, int]]:
    """Start the product, connected to a workspace that announces incidents, or pages; yield its account."""
    it.env["FIREBELL_SLACK_API_URL"] = slack.url
    await it.start()
    clock = SystemClock()
    async with connected(Settings(), it.dsn, clock) as ctx:
        connection = Connection(
            ChatKind.SLACK, TEAM, "Bench", "http", BOT_USER, BOT_ID, scopes=tuple(ALL_SCOPES)
        )
        rule = AnnouncementRule(
            slack.add_channel("incidents").id, "incidents", incidents=not pages, pages=pages
        )
        async with ctx.db.tx() as tx:
            secrets = AccountSecrets(bot_token=TOKEN, signing_secrets=(SECRET,))
            account = await accounts.connect(tx, SYSTEM, connection, secrets, "", "UTC", clock.now())
            await accounts.set_settings(tx, SYSTEM, account.id, AccountSettings(rules=(rule,)), clock.now())
        yield ctx, account.id


async def _declare(ctx: Context, count: int) -> None:
    now = ctx.clock.now()
    for number_ in range(1, count + 1):
        async with ctx.db.tx() as tx:
            await incidents.declare(tx, SYSTEM, title=f"Service {number_} is slow", severity=2, now=now)


async def _until(is_true: Any, limit_s: float) -> float:
    """Return the seconds until something is true, infinity if it is not within the limit."""
    began = time.monotonic()
    while not is_true():
        if time.monotonic() - began > limit_s:
            return float("inf")
        await asyncio.sleep(0.05)
    return time.monotonic() - began


@dataclass(slots=True)
class _Load:
    """Commands that people type, each signed as Slack signs it."""

    http: httpx.AsyncClient
    users: list[str]
    waits_s: list[float] = field(default_factory=list)
    typed: dict[int, float] = field(default_factory=dict)
    refused: int = 0

    async def command(self, number_: int, text: str) -> None:
        """Type one command and note how long its answer took."""
        fields = {
            "command": "/incident",
            "text": text,
            "team_id": TEAM,
            "user_id": self.users[number_ % len(self.users)],
            "channel_id": "C0ELSEWHERE",
            "trigger_id": f"trigger-{number_}-{text[:20]}",
        }
        body, timestamp = urlencode(fields), str(int(time.time()))
        digest = hmac.new(SECRET.encode(), f"v0:{timestamp}:{body}".encode(), hashlib.sha256).hexdigest()
        headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": f"v0={digest}",
        }
        began = time.monotonic()
        answer = await self.http.post("/chat/slack", content=body, headers=headers)
        self.waits_s.append(time.monotonic() - began)
        self.refused += answer.status_code != 200

    async def update(self, number_: int) -> None:
        """Post an update to one of the incidents."""
        self.typed[number_] = time.monotonic()
        ref = f"INC-{1 + number_ % INCIDENTS}"
        await self.command(number_, f"{ref} update Step {number_} of the bench.")

    async def at_rate(self, per_s: float, seconds: float, act: Any) -> None:
        """Start an action at a steady rate, and wait for all of them."""
        began, tasks = time.monotonic(), []
        for number_ in range(round(per_s * seconds)):
            await asyncio.sleep(max(0.0, began + number_ / per_s - time.monotonic()))
            tasks.append(asyncio.create_task(act(number_)))
        await asyncio.gather(*tasks)


async def busy_rooms(factor: float) -> Result:
    """W19: twenty incidents at once, then 100 updates a minute and 5 reads a second, all by commands."""
    seconds, slack = 60 * factor, SlowSlack()
    async with product() as it, serving(slack), _chatting(it, slack, pages=False) as (ctx, account):
        async with ctx.db.tx() as tx:
            users = [row["external_id"] for row in await tx.fetch(_PEOPLE, account, PEOPLE)]
        await _declare(ctx, INCIDENTS)

        def rooms() -> list[Any]:
            return [channel for channel in slack.channels.values() if channel.creator == BOT_USER]

        made_s = await _until(lambda: len(rooms()) == INCIDENTS, COMPLETE_LIMIT_S)
        complete_s = made_s + await _until(
            lambda: all(room.pins and room.topic for room in rooms()), COMPLETE_LIMIT_S
        )
        async with httpx.AsyncClient(base_url=it.url, timeout=10) as http:
            load = _Load(http, users)
            await asyncio.gather(
                load.at_rate(UPDATES_PER_MINUTE / 60, seconds, load.update),
                load.at_rate(
                    READS_PER_S, seconds, lambda n: load.command(n, f"INC-{1 + n % INCIDENTS} status")
                ),
            )
        await _until(lambda: load.typed.keys() <= slack.arrived.keys(), ENTRIES_LIMIT_S)
        lags = sorted(slack.arrived.get(n, float("inf")) - at for n, at in load.typed.items())
    answers_ms = sorted(wait_s * 1000 for wait_s in load.waits_s)
    answer_p99, lag_p99 = quantile(answers_ms, 0.99), quantile(lags, 0.99)
    return Result(
        "W19",
        f"{INCIDENTS} incidents at once in Slack, then {UPDATES_PER_MINUTE} updates a minute and"
        f" {READS_PER_S} reads a second",
        f"rooms after {number(made_s)} s, complete after {number(complete_s)} s; commands answered p50/p99"
        f" {latency.pair(answers_ms)} ms; entries in Slack p50/p99 {latency.pair(lags)} s",
        f"Slack answers after {SLACK_LATENCY_S * 1000:.0f} ms and limits as it does",
        (
            ("answers p99 <= 500 ms", answer_p99 <= 500),
            ("rooms <= 60 s", made_s <= ROOMS_LIMIT_S),
            ("complete <= 300 s", complete_s <= 300),
            ("entries p99 <= 10 s", lag_p99 <= 10),
        ),
        check(
            refused_commands=(load.refused, 0),
            entries_in_slack=(len(load.typed.keys() & slack.arrived.keys()), len(load.typed)),
            rooms=(len(slack.channels) - 1, INCIDENTS),
            calls_that_slack_refused=(len(slack.refused), 0),
        ),
    )


async def alerts_while_slack_hangs(factor: float) -> Result:
    """W20: W4 while every call of Slack hangs."""
    return await _hanging("W20", 2, 15 * factor, 100)


async def steady_alerts_while_slack_hangs(factor: float) -> Result:
    """W20b: W5 while every call of Slack hangs."""
    return await _hanging("W20b", 50, 10 * factor, 1000)


async def _hanging(workload: str, rate: int, seconds: float, limit_ms: float) -> Result:
    slack = SlowSlack()
    async with serving(slack):

        @asynccontextmanager
        async def hanging(it: Product) -> AsyncIterator[None]:
            async with _chatting(it, slack, pages=True) as (ctx, _):
                slack.hangs = True
                await _declare(ctx, INCIDENTS)
                yield

        return await latency.trickle(workload, rate, seconds, limit_ms, hanging, " while Slack hangs")
