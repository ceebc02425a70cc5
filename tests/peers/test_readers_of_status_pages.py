"""Programs that others made read a status page: HTTP clients, one of Statuspage's API, a feed reader, a calendar."""

import asyncio
import json
import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import feedparser
import httpx
import icalendar
import pytest

from firebell.kit.clock import FakeClock
from tests.api.api_clients import Api, browser, key_of
from tests.peers.runbooks import program
from tests.servers import serve
from tests.world import world

pytestmark = pytest.mark.peers

PAGE = "/status-pages/kestrel"
CLIENT = """
import json
from statuspage_prometheus_exporter import service_checker
print(json.dumps(service_checker.check_status_page_service("kestrel", service_checker.SERVICES["kestrel"])))
"""
"""Prints what statuspage-prometheus-exporter makes of the page that its configuration names."""


STABLE = (
    *("/history", "/uptime", "/history.atom", "/history.rss", "/maintenance.ics", "/badge.svg"),
    *("/history.jsonl", "/.well-known/firebell-status-key", "/embed.js"),
    *("/api/v2/incidents.json", "/api/v2/incidents/unresolved.json", "/api/v2/scheduled-maintenances.json"),
    *("/api/v2/scheduled-maintenances/upcoming.json", "/api/v2/scheduled-maintenances/active.json"),
)
"""Documents that stay the same while nothing is published."""
PYTHON_REQUESTS = """
import sys, requests
for url in sys.argv[1:]:
    answer = requests.get(url, timeout=30)
    answer.raise_for_status()
    sys.stdout.buffer.write(answer.content)
    assert not answer.cookies
"""
PYTHON_URLLIB = """
import sys, urllib.request
for url in sys.argv[1:]:
    with urllib.request.urlopen(url, timeout=30) as answer:
        sys.stdout.buffer.write(answer.read())
        assert "Set-Cookie" not in answer.headers
"""
PYTHON_AIOHTTP = """
import asyncio, sys, aiohttp
async def main():
    async with aiohttp.ClientSession(raise_for_status=True) as session:
        for url in sys.argv[1:]:
            async with session.get(url) as answer:
                sys.stdout.buffer.write(await answer.read())
                assert not answer.cookies
asyncio.run(main())
"""


def _http_clients(jar: Path) -> dict[str, list[str]]:
    """Return commands that print what they read at the addresses after them, without cookies and scripts."""
    return {
        "curl": [program("curl", "curl"), "-sS", "--fail", "--compressed", "--cookie-jar", str(jar)],
        "wget": [program("wget", "wget"), "--quiet", "--output-document=-"],
        "requests": [sys.executable, "-c", PYTHON_REQUESTS],
        "urllib": [sys.executable, "-c", PYTHON_URLLIB],
        "aiohttp": [sys.executable, "-c", PYTHON_AIOHTTP],
    }


async def _output(*command: str) -> bytes:
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, (command[0], err.decode())
    return out


async def _every_http_client_reads_the_same(url: str, http: httpx.AsyncClient, folder: Path) -> None:
    """Check that five clients get the same bytes, no cookie, and nothing twice."""
    answers = [await http.get(f"{url}{path}") for path in STABLE]
    assert {answer.status_code for answer in answers} == {200}
    assert not [answer.url for answer in answers if "set-cookie" in answer.headers]
    expected = b"".join(answer.content for answer in answers)
    jar = folder / "cookies"
    for name, command in _http_clients(jar).items():
        assert await _output(*command, *(f"{url}{path}" for path in STABLE)) == expected, name
    assert not [line for line in jar.read_text().splitlines() if line and not line.startswith("#")]
    # the second time, curl gets nothing: its ETag is still that of the document
    curl = (program("curl", "curl"), "-sS", "--write-out", "%{http_code}", "--output", str(folder / "body"))
    etag = str(folder / "etag")
    first = await _output(*curl, "--etag-save", etag, f"{url}/history.atom")
    again = await _output(*curl, "--etag-compare", etag, f"{url}/history.atom")
    assert (first, again) == (b"200", b"304")


async def _publish(api: Api, clock: FakeClock) -> None:
    """Publish an incident that is over, one that is not, and maintenance of one component."""
    page = {"slug": "kestrel", "name": "Kestrel", "tz": "Europe/Stockholm"}
    await api("POST", "/status-pages", page, status=201)
    with_component = await api("POST", f"{PAGE}/components", {"name": "Checkout & <Pay>"}, status=201)
    [component] = with_component["components"]
    soon = (clock.now() + timedelta(minutes=30)).isoformat()
    for name in ("Logins fail", "Card payments fail, “æøå” ]]>"):
        new: dict[str, Any] = {
            "name": name,
            "stage": "investigating",
            "body": "We *look* into it.\n\n- <b>cards</b>",
        }
        new |= {"components": {str(component["id"]): "partial_outage"}, "next_update_at": soon}
        opened = await api("POST", f"{PAGE}/incidents", new, status=201)
        if name == "Logins fail":
            over = {"stage": "resolved", "body": "Logins work again."}
            await api("POST", f"{PAGE}/incidents/{opened['id']}/updates", over, status=201)
    start = clock.now() + timedelta(days=2)
    plan = {"name": "Upgrade, part 1; “ö”", "body": "We upgrade.", "component_ids": [component["id"]]}
    plan |= {
        "scheduled_for": start.isoformat(),
        "scheduled_until": (start + timedelta(hours=2)).isoformat(),
    }
    await api("POST", f"{PAGE}/maintenance", plan, status=201)


async def _as_their_client_has_it(url: str, folder: Path) -> dict[str, Any]:
    services = folder / "services.json"
    service = {"name": "Kestrel", "type": "status_page", "url": f"{url}/api/v2/summary.json"}
    services.write_text(json.dumps({"kestrel": service}))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", CLIENT),
        env={**os.environ, "SERVICES_JSON_PATH": str(services), "CACHE_DIR": str(folder)},
        cwd=folder,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0, err.decode()
    return dict(json.loads(out.decode().splitlines()[-1]))


async def test_programs_that_others_made_read_a_status_page(dsn: str, tmp_path: Path) -> None:
    clock = FakeClock(datetime.now(UTC))
    async with world(dsn, clock) as w, browser(w) as local:
        await _publish(Api(local, await key_of(w.ctx.db, clock, w.mara)), clock)
    async with serve(dsn) as server, httpx.AsyncClient() as http:
        url = f"{server.url}/s/kestrel"
        await _every_http_client_reads_the_same(url, http, tmp_path)
        read = await _as_their_client_has_it(url, tmp_path)
        assert (read["success"], read["raw_status"], read["status"]) == (True, "major", 0)
        [incident] = read["incident_metadata"]
        assert (incident["name"], incident["impact"], incident["affected_components"]) == (
            "Card payments fail, “æøå” ]]>",
            "major",
            ["Checkout & <Pay>"],
        )
        # its link opens the incident
        opened = await http.get(f"{server.url}{urlsplit(incident['shortlink']).path}")
        assert opened.status_code == 200
        [maintenance] = read["maintenance_metadata"]
        assert maintenance["name"] == "Upgrade, part 1; “ö”"
        assert maintenance["scheduled_start"] < maintenance["scheduled_end"]
        assert read["component_metadata"] == [
            {"name": "Checkout & <Pay>", "status": "partial_outage", "status_value": 0}
        ]

        for path, version in (("history.atom", "atom10"), ("feed.xml", "atom10"), ("history.rss", "rss20")):
            feed = feedparser.parse((await http.get(f"{url}/{path}")).content)
            assert (feed.bozo, feed.version) == (False, version), path
            assert {entry.title for entry in feed.entries} == {
                "Card payments fail, “æøå” ]]>",
                "Logins fail",
                "Upgrade, part 1; “ö”",
            }
            assert len({entry.id for entry in feed.entries}) == 3
            [card] = [entry for entry in feed.entries if entry.title.startswith("Card")]
            text = card.content[0].value if "content" in card else card.summary
            assert ("<em>look</em>" in text, "<b>" in text, "&lt;b&gt;cards" in text) == (True, False, True)
            for entry in feed.entries:
                assert entry.link.startswith("http"), path
                assert {"published_parsed", "updated_parsed"} & set(entry), path

        summary = (await http.get(f"{url}/api/v2/summary.json")).json()
        [update] = summary["incidents"][0]["incident_updates"]
        assert update["body"] == "We look into it.\n\n- <b>cards</b>"
        # a reader keeps the key and checks the log with the command of their own
        key, log = tmp_path / "key", tmp_path / "history.jsonl"
        for file, path in ((key, "/.well-known/firebell-status-key"), (log, "/history.jsonl")):
            file.write_bytes((await http.get(f"{url}{path}")).content)
        verify = (
            sys.executable,
            "-m",
            "firebell",
            "statuspage",
            "verify",
            str(log),
            "--key",
            str(key),
            "--json",
        )
        verified = json.loads(await _output(*verify))
        assert (verified["entries"], verified["signatures"], verified["unsigned"]) == (4, 4, 0)
        own = f"{url}/components/{summary['components'][0]['id']}.atom"
        feed = feedparser.parse((await http.get(own)).content)
        assert (feed.bozo, len(feed.entries), feed.feed.title) == (
            False,
            3,
            "Kestrel: Checkout & <Pay> status",
        )
        assert (await http.get(f"{url}/components/none.atom")).status_code == 404

        calendar = icalendar.Calendar.from_ical((await http.get(f"{url}/maintenance.ics")).content)
        [event] = calendar.walk("VEVENT")
        assert (str(event["SUMMARY"]), event.errors) == ("Upgrade, part 1; “ö”", [])
        start, end = event.decoded("DTSTART"), event.decoded("DTEND")
        assert isinstance(start, datetime)
        assert end - start == timedelta(hours=2)
        assert {"UID", "DTSTAMP", "SEQUENCE"} <= set(event)
