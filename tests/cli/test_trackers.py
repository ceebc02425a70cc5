"""Trackers at the terminal."""

from pathlib import Path

from firebell.kit.clock import FakeClock
from tests.cli.terminal import at_a_server
from tests.standins.signed_in_trackers import pem
from tests.standins.trackers import TOKEN, GitLabStandin, serving


async def test_a_tracker_from_its_first_to_its_last_command(
    dsn: str, clock: FakeClock, tmp_path: Path
) -> None:
    gitlab = GitLabStandin(clock.now)
    async with at_a_server(dsn, clock, tmp_path) as (_, run), serving(gitlab):
        project = ("add", "gitlab", "acme/web/shop", "--url", gitlab.url, "--token", TOKEN)
        assert (await run("tracker", *project)).out.startswith("Tracker 1: GitLab acme/web/shop")
        await run("tracker", "add", "gitlab", "no project", "--token", TOKEN, code=1)
        await run("tracker", "add", "gitlab", "a/b", "--token", TOKEN, "--direction", "due", code=2)
        checked = await run("tracker", "check", "1", "--dry-run", "--send-test")
        assert checked.out.splitlines()[0] == "ok    The token reads acme/web/shop."
        assert gitlab.issues[1]["state"] == "closed"
        assert "not synced yet" in (await run("tracker", "list")).out
        changed = await run("tracker", "set", "1", "--direction", "due=out", "--name", "Shop", "--json")
        assert (changed.json["name"], changed.json["directions"]["due"]) == ("Shop", "out")
        await run("tracker", "person", "1", "jun@example.org", "jun")
        assert "whsec_" in (await run("tracker", "hook", "1")).out
        assert "Shop: not synced yet" in (await run("tracker", "show", "1")).out
        await run("tracker", "token", "1", "--token", TOKEN)

        key = tmp_path / "app.pem"
        key.write_text(pem(), encoding="utf-8")
        app = ("--app", "Iv23liExample", "--private-key", str(key))
        added = await run("tracker", "add", "github", "acme/shop", *app, "--json")
        assert (added.json["auth"], added.json["state"]) == ("app", "waiting")
        replaced = await run("tracker", "credentials", "2", "--token", TOKEN, "--json")
        assert (replaced.json["auth"], replaced.json["client_id"]) == ("token", "")
        await run("tracker", "credentials", "1", *app, code=1)
        await run("tracker", "credentials", "2", "--app", "Iv23liExample", code=1)
        await run("tracker", "credentials", "2", "--token", TOKEN, *app, code=1)
        oauth = ("--oauth", "4fExample", "--client-secret", "s3cret")
        added_oauth = await run("tracker", "add", "linear", "PAY", *oauth)
        assert added_oauth.out.endswith("firebell tracker authorize 3\n")
        begun = await run("tracker", "authorize", "3")
        assert "https://linear.app/oauth/authorize?actor=app" in begun.out
        assert "not authorized yet" in (await run("tracker", "show", "3")).out
        await run("tracker", "authorize", "1", code=1)
        for number in ("2", "3"):
            await run("tracker", "remove", number, "--yes")

        await run("action", "add", "Add a timeout to the card client")
        assert "has no issues" in (await run("action", "link", "ACT-1")).out
        linked = await run("action", "link", "ACT-1", "--tracker", "1", "--json")
        assert (linked.json["state"], linked.json["tracker"]) == ("creating", "Shop")
        await run("action", "link", "ACT-1", "--tracker", "1", code=1)
        await run("tracker", "sync", "1")
        assert "unlinked" in (await run("action", "unlink", "ACT-1", "--tracker", "1")).out
        await run("action", "unlink", "ACT-1", "--tracker", "1", code=1)
        assert "off" in (await run("tracker", "set", "1", "--disable")).out
        await run("tracker", "remove", "1", "--yes")
        assert (await run("tracker", "list")).out.strip() == "No trackers."
        gitlab.is_readable = False
        await run("tracker", *project)
        assert (await run("tracker", "check", "4", code=1)).out.startswith("FAIL")
