"""How a status page is served, and its past relabeled, at the terminal."""

from datetime import UTC, datetime
from pathlib import Path

from firebell.kit.clock import FakeClock
from tests.api.api_clients import Api, browser, key_of
from tests.cli.terminal import at_a_server

PAGE = "/status-pages/kestrel"


async def test_a_status_page_is_set_up_at_the_terminal(dsn: str, tmp_path: Path) -> None:
    clock = FakeClock(datetime.now(UTC))
    async with at_a_server(dsn, clock, tmp_path) as (w, run), browser(w) as http:
        api = Api(http, await key_of(w.ctx.db, clock, w.mara))
        await api("POST", "/status-pages", {"slug": "kestrel", "name": "Kestrel", "tz": "UTC"}, status=201)

        [component] = (await api("POST", f"{PAGE}/components", {"name": "Checkout"}, status=201))[
            "components"
        ]
        relabel = ("statuspage", "relabel")
        today = f"{clock.now():%Y-%m-%d}"
        times = (f"{today} 00:00", f"{today} 00:00:30")
        worse = ("kestrel", str(component["id"]), *times, "--status", "degraded_performance")
        await run(*relabel, "request", *worse, "--reason", " ", code=1)
        assert (await run(*relabel, "request", *worse, "--reason", "Slow.", "--json")).json["state"] == (
            "accepted"
        )
        better = ("operational" if each == "degraded_performance" else each for each in worse)
        one = (await run(*relabel, "request", *better, "--reason", "It was not.", "--json")).json
        assert one["state"] == "waiting"
        assert "degraded performance" in (await run(*relabel, "list", "kestrel")).out
        await run(*relabel, "accept", "kestrel", str(one["id"]), code=1)
        assert "Withdrawn" in (await run(*relabel, "decline", "kestrel", str(one["id"]))).out

        by_month = (await run("statuspage", "uptime", "kestrel", "--months", "2")).out.splitlines()
        assert (by_month[0].split()[:3], by_month[1].split()[0]) == (
            ["NAME", "ALL", f"{clock.now():%Y-%m}"],
            "Checkout",
        )

        rule = ("statuspage", "first-update")
        assert (await run(*rule, "show", "kestrel")).out.startswith("Off: SEV0, 10 min")
        on = await run(*rule, "change", "kestrel", "--on", "--severity", "0", "--severity", "1", "--json")
        assert (on.json["enabled"], on.json["severities"], on.json["minutes"]) == (True, [0, 1], 10)
        assert "{{impact}}" in (await run(*rule, "change", "kestrel", "--body", "{{impact}}", code=1)).err

        access = ("statuspage", "access")
        await run(*access, "change", "kestrel", code=1)
        await run(*access, "change", "kestrel", "--network", "10.0.0.0/8", "--any-network", code=1)
        await run(*access, "change", "kestrel", "--password-file", "-", code=1, typed="\n")
        password = "lanterns over harbor\n"
        await run(
            *(*access, "change", "kestrel", "--password-file", "-", "--network", "10.0.0.0/8"), typed=password
        )
        await run(*access, "change", "kestrel", "--networks-suffice")
        key = (await run(*access, "create-key", "kestrel", "Contoso", "--json")).json
        shown = (await run(*access, "show", "kestrel", "--json")).json
        assert shown["access"] == {
            "has_password": True,
            "networks": ["10.0.0.0/8"],
            "networks_suffice": True,
        }
        assert [k["name"] for k in shown["feed_keys"]] == ["Contoso"]
        assert "Contoso" in (await run(*access, "show", "kestrel")).out
        await run(*access, "revoke-key", "kestrel", str(key["id"]))
        await run(
            *(*access, "change", "kestrel", "--no-password", "--any-network", "--networks-and-password")
        )
        shown = (await run(*access, "show", "kestrel", "--json")).json
        assert shown == {
            "access": {"has_password": False, "networks": [], "networks_suffice": False},
            "feed_keys": [],
        }

        host = ("statuspage", "host")
        assert (await run(*host, "show", "kestrel", "--json")).json is None
        claim = (await run(*host, "claim", "kestrel", "status.kestrel.invalid", "--json")).json
        printed = (await run(*host, "show", "kestrel")).out
        assert claim["txt_name"] in printed
        assert claim["token"] in printed
        await run(*host, "remove", "kestrel")

        theme = ("statuspage", "theme")
        logo = tmp_path / "logo.svg"
        logo.write_text('<svg viewBox="0 0 9 9"><path d="M0 0h9"/></svg>')
        await run(*theme, "change", "kestrel", code=1)
        await run(*theme, "change", "kestrel", "--accent", "#0a7ea4", "--logo", str(logo))
        await run(
            *theme, "change", "kestrel", "--language", "de", "--other", "en", "--link", "A=https://a.example"
        )
        names = ("statuspage", "names")
        await run(*names, "translate", "kestrel", "en", code=1)
        done = await run(*names, "translate", "kestrel", "en", "--component", "1=Till", "--json")
        assert done.json["components"][0]["translated_name"] == "Till"
        assert "Till" in (await run(*names, "list", "kestrel")).out
        await run(*names, "translate", "kestrel", "en", "--about", "Our shop")
        await run(*names, "translate", "kestrel", "en", "--link", "Imprint=x", code=1)
        shown = (await run(*theme, "show", "kestrel", "--json")).json
        assert (shown["accent"], shown["locale"], shown["locales"]) == ("#0a7ea4", "de", ["en"])
        assert (shown["has_logo"], shown["footer_links"][0]["label"]) == (True, "A")
        await run(*theme, "change", "kestrel", "--no-logo", "--no-others", "--accent", "")
        assert (await run(*theme, "show", "kestrel", "--json")).json["has_logo"] is False

        mirror = ("statuspage", "mirror")
        bucket = ("--endpoint", "https://s3.example", "--bucket", "kestrel", "--access-key", "AK")
        url = "https://status.example.org"
        added = await run(
            *(*mirror, "add", "kestrel", url, *bucket, "--secret-file", "-", "--json"), typed="secret\n"
        )
        assert "kestrel/" in (await run(*mirror, "list", "kestrel")).out
        await run(*mirror, "remove", "kestrel", str(added.json["id"]))
        assert (await run(*mirror, "list", "kestrel", "--json")).json == []
