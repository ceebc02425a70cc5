"""What no one published is told nowhere, and reading never changes anything (S15 and S17 of spec 7.19)."""

from datetime import timedelta
from typing import Any

from firebell.incidents import actions as incidents
from firebell.kit.clock import FakeClock
from firebell.subscribers import store
from firebell.subscribers.subscribing import links
from tests.api.api_clients import Api, browser, organization
from tests.world import World

PAGE = "/status-pages/kestrel"
PATHS = (
    *("", "/history", "/uptime", "/subscribe", "/status.json", "/history.jsonl", "/de"),
    *(
        "/de/subscribe",
        "/history.atom",
        "/feed.xml",
        "/history.rss",
        "/maintenance.ics",
        "/badge.svg",
        "/embed",
    ),
    *("/embed.js", "/as-of.json", "/nowhere"),
    *(f"/api/v2/{name}.json" for name in ("summary", "status", "components", "incidents")),
    *("/api/v2/incidents/unresolved.json", "/api/v2/scheduled-maintenances.json"),
)
SECRETS = ("Draft-4711", "Private-4712", "Drill-4713", "Inside-4714", "Returned-4715")


async def _declare(w: World, title: str, severity: int = 1, **more: Any) -> int:
    async with w.ctx.db.tx() as tx:
        incident = await incidents.declare(
            *(tx, await w.actor(w.mara)),
            title=title,
            severity=severity,
            commander_id=w.mara,
            service_ids=[w.service],
            now=w.now,
            **more,
        )
        return incident.id


async def _unpublished(w: World, api: Api, soon: str) -> None:
    """Write what must be told nowhere: a draft, a private incident, a drill, and texts for colleagues."""
    number = await _declare(w, "Inside-4714 of the card tokenizer")
    private = await _declare(w, "Private-4712", private=True)
    drill = await _declare(w, "Drill-4713", drill=True)
    for incident_id in (private, drill):
        post = {
            "bodies": {
                "internal": "Inside-4714",
                "public": f"We are looking. {SECRETS[incident_id == drill]}",
            },
            "targets": ["timeline"],
            "revision": 0,
        }
        await api("POST", f"/incidents/INC-{incident_id}/comms", post, status=201)
    for text in ("Returned-4715", "Draft-4711"):
        composer = await api("GET", f"/incidents/INC-{number}/comms")
        draft = {
            "bodies": {"internal": f"{text} inside", "public": f"{text} public", "customer": f"{text} mail"},
            "targets": ["status_page:kestrel"],
            "revision": composer["revision"],
            "stage": "investigating",
            "next_update_at": soon,
            "headline": text,
            "translations": {"de": f"{text} deutsch"},
        }
        await api("PUT", f"/incidents/INC-{number}/comms/draft", draft)


async def _contents(w: World) -> dict[str, str]:
    """Return a hash of the rows of every table."""
    async with w.ctx.db.tx() as tx:
        tables = await tx.fetch("select relname from pg_stat_user_tables order by relname")
        return {
            row["relname"]: await tx.value(
                f"select md5(coalesce(string_agg(t::text, '|' order by t::text), '')) from {row['relname']} t"
            )
            for row in tables
        }


async def test_reading_changes_nothing_and_tells_only_what_was_published(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api), browser(w) as http:
        page = {"slug": "kestrel", "name": "Kestrel", "tz": "UTC", "service_ids": [w.service]}
        created = await api("POST", "/status-pages", page, status=201)
        await api("PATCH", f"{PAGE}/theme", {"locales": ["de"]})
        soon = (clock.now() + timedelta(minutes=30)).isoformat()
        first = {
            "name": "Payments fail",
            "stage": "investigating",
            "body": "We look.",
            "next_update_at": soon,
        }
        opened = await api("POST", f"{PAGE}/incidents", first, status=201)
        await _unpublished(w, api, soon)
        await api("POST", f"{PAGE}/subscribers", {"address": "ops@nordpost.example"}, status=202)
        await w.settle()
        async with w.ctx.db.tx() as tx:
            subscriber_id = await tx.value("select id from subscriber")
            subscriber = await store.by_id(tx, subscriber_id)
        assert subscriber
        component = created["components"][0]["public_id"]
        tokens = (
            links.confirm_token(w.ctx.signer, subscriber),
            links.manage_token(w.ctx.signer, subscriber),
            links.undo_token(w.ctx.signer, subscriber, w.now),
            "unknown",
        )
        paths = [
            *(f"/s/kestrel{path}" for path in PATHS),
            *(f"/s/kestrel{own}/incidents/{opened['id']}" for own in ("", "/de")),
            f"/s/kestrel/components/{component}.atom",
            *(f"/u/{token}" for token in tokens),
        ]
        w.ctx.live.publish("status-kestrel")
        before = await _contents(w)
        missing = set[str]()
        for path in paths:
            for method in ("GET", "HEAD"):
                answer = await http.request(method, path)
                if (answer.status_code, method) == (404, "GET"):
                    missing.add(path)
                assert not [secret for secret in SECRETS if secret in answer.text], path
        assert missing == {"/s/kestrel/nowhere"}
        assert await _contents(w) == before
        assert (await api("GET", f"{PAGE}/subscribers"))[0]["state"] == "pending"
