"""Over real HTTP: what is compressed, what never is, and the size of a first view."""

import gzip
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from firebell.kit.clock import FakeClock
from firebell.kit.web import static_files
from tests.api.api_clients import browser, sign_in
from tests.browser.conftest import FIRST_RUN
from tests.house.test_scripts_are_modules import OF_ONE_PAGE
from tests.servers import serve
from tests.world import world

GZIP, PLAIN = {"Accept-Encoding": "gzip, deflate, br"}, {"Accept-Encoding": "identity"}
FONTS_BYTES, FIRST_VIEW_BYTES = 54_000, 100_000
STATIC = ("firebell.css", "app.css", "js/live.js", "vendor/icons.svg", "manifest.webmanifest")


async def raw(http: httpx.AsyncClient, path: str, headers: dict[str, str]) -> tuple[httpx.Response, bytes]:
    """Return a response and its body as it came over the wire."""
    async with http.stream("GET", path, headers=headers) as answer:
        return answer, b"".join([part async for part in answer.aiter_raw()])


@asynccontextmanager
async def product(dsn: str) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client that is signed in to a running server."""
    async with serve(dsn) as server, httpx.AsyncClient(base_url=server.url, timeout=60) as http:
        form = await http.get("/setup")
        token = re.findall(r'name="token" value="([^"]+)"', form.text)[0]
        answer = await http.post("/setup", data={**FIRST_RUN, "tz": "UTC", "token": token})
        assert answer.status_code == 303
        yield http


async def test_text_comes_compressed_to_who_takes_it_and_event_streams_and_pictures_never(dsn: str) -> None:
    async with product(dsn) as http:
        dynamic = ("/pages", "/incidents/new", "/login", "/sw.js", "/api/v1/openapi.json")
        for path in (*dynamic, *map(static_files.address, STATIC)):
            answer, body = await raw(http, path, GZIP)
            assert answer.status_code in (200, 303), path
            if answer.status_code == 303:
                continue
            assert answer.headers["content-encoding"] == "gzip", path
            assert answer.headers["vary"].lower() == "accept-encoding", path
            assert int(answer.headers["content-length"]) == len(body), path
            plain, text = await raw(http, path, PLAIN)
            assert "content-encoding" not in plain.headers, path
            assert plain.headers["vary"].lower() == "accept-encoding", path
            assert len(text) > 1.5 * len(body), path
            if path.startswith("/static/"):
                assert gzip.decompress(body) == text, path
            refused, _ = await raw(http, path, {"Accept-Encoding": "gzip;q=0, identity"})
            assert "content-encoding" not in refused.headers, path


async def test_what_gains_nothing_or_streams_is_never_compressed(dsn: str) -> None:
    async with product(dsn) as http:
        for path in (
            "/livez",
            static_files.address("fonts/geist.woff2"),
            static_files.address("icons/icon-192.png"),
        ):
            answer, _ = await raw(http, path, GZIP)
            assert answer.status_code == 200, path
            assert "content-encoding" not in answer.headers, path
        async with http.stream("GET", "/events?topics=pages", headers=GZIP) as answer:
            assert "content-encoding" not in answer.headers
            assert answer.headers["content-type"].startswith("text/event-stream")
            first = await anext(answer.aiter_raw())
            assert b"event: hello" in first


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_another_website_learns_nothing_from_the_length_of_a_page(
    dsn: str, clock: FakeClock, site: str
) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        await sign_in(w, http, w.mara)
        answer, _ = await raw(
            http, "/search?q=fb_guess", {**GZIP, "Sec-Fetch-Site": site, "Sec-Fetch-Mode": "navigate"}
        )
        assert answer.status_code == 200
        assert "content-encoding" not in answer.headers
        tokens = [
            re.findall(r'name="csrf" value="([^"]+)"', (await http.get("/settings")).text)[0]
            for _ in range(3)
        ]
        assert len(set(tokens)) == 3
        for token in tokens:
            assert (await http.post("/theme", data={"csrf": token})).status_code == 303
        assert (await http.post("/theme", data={"csrf": tokens[0][:-4] + "AAAA"})).status_code == 403


async def test_a_file_is_kept_for_ever_under_its_version_and_checked_under_any_other(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        await sign_in(w, http, w.mara)
        for headers in (GZIP, PLAIN):
            answer, body = await raw(http, static_files.address("js/main.js"), headers)
            assert answer.headers["cache-control"] == "public, max-age=31536000, immutable"
            tag = answer.headers["etag"]
            again, nothing = await raw(
                http, static_files.address("js/main.js"), {**headers, "If-None-Match": tag}
            )
            assert (again.status_code, nothing) == (304, b"")
            for path in ("/static/0123456789/js/main.js", "/static/js/main.js"):
                other, same = await raw(http, path, headers)
                assert other.headers["cache-control"] == "no-cache"
                assert same == body
        assert (await http.get(f"/static/{static_files.version()}/js/missing.js")).status_code == 404
        assert (await http.get(f"/static/{static_files.version()}/../../app.py")).status_code == 404


async def test_the_first_view_of_a_page_weighs_at_most_100_kb(dsn: str, clock: FakeClock) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        await sign_in(w, http, w.mara)
        style = (await http.get(static_files.address("firebell.css"))).text
        fonts = [
            f"/static/{static_files.version()}/{name}" for name in re.findall(r"url\((fonts/[^)]+)\)", style)
        ]
        scripts = [
            f"/static/{static_files.version()}/{n}"
            for n in static_files.names()
            # a folder of scripts belongs to one page
            if n.startswith("js/") and n.count("/") == 1 and n.split("/")[1] not in OF_ONE_PAGE
        ]
        weights = {path: len((await raw(http, path, GZIP))[1]) for path in (*fonts, *scripts)}
        assert sum(weights[font] for font in fonts) <= FONTS_BYTES
        for path in ("/", "/pages", "/incidents/new", "/oncall", "/settings", "/services"):
            answer, page = await raw(http, path, GZIP)
            assert answer.status_code == 200, path
            text = gzip.decompress(page).decode()
            files = set(re.findall(r'"(/static/[^"#]+)', text)) - {
                static_files.address("icons/apple-touch-icon.png")
            }
            for file in files - weights.keys():
                weights[file] = len((await raw(http, file, GZIP))[1])
            weight = len(page) + sum(weights[each] for each in files | {*fonts, *scripts})
            assert weight <= FIRST_VIEW_BYTES, (path, weight)


async def test_no_page_carries_the_names_of_all_time_zones(dsn: str, clock: FakeClock) -> None:
    """They were a third of the settings, which came close to the limit of a first view."""
    async with world(dsn, clock) as w, browser(w) as http:
        zones = await http.get("/time-zones")
        assert {"UTC", "Europe/Stockholm", "America/New_York"} <= set(zones.text.split("\n"))
        assert "max-age" in zones.headers["cache-control"]
        await sign_in(w, http, w.mara)
        for path in ("/settings", "/settings/people", "/oncall/new", "/settings/contact"):
            page = (await http.get(path)).text
            assert 'list="zones"' in page, path
            assert 'href="/time-zones"' in page, path
            assert "America/New_York" not in page, path
