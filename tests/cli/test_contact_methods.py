"""Contact methods at the terminal."""

from datetime import UTC, datetime
from pathlib import Path

from firebell.kit.clock import FakeClock
from firebell.people import actions as people
from tests.cli.terminal import at_a_server


async def test_a_webhook_is_added_with_its_secret_rotated_and_removed(
    dsn: str, clock: FakeClock, tmp_path: Path
) -> None:
    async with at_a_server(dsn, clock, tmp_path) as (_, run):
        address = "https://hooks.example.org/mara"
        added = (await run("contact", "add", "webhook", address, "--label", "phone", "--json")).json
        assert added["secret"].startswith("whsec_")
        number = str(added["id"])
        listed = await run("contact", "list", "--json")
        assert {m["id"]: m["address"] for m in listed.json}[added["id"]] == address
        assert "whsec_" not in listed.out
        rotated = (await run("contact", "rotate-secret", number, "--json")).json
        assert rotated["secret"] not in ("", added["secret"])
        assert "not verified" in (await run("contact", "list")).out
        messages = (await run("contact", "set", number, "--language", "fr", "--json")).json
        assert (messages["language"], messages["privacy"]) == ("fr", "full")
        assert "title hidden" in (await run("contact", "set", number, "--privacy", "title_hidden")).out
        await run("contact", "set", number, code=2)
        await run("contact", "test", number)
        await run("contact", "remove", number)
        await run("contact", "remove", number, code=1)


async def test_an_address_that_cannot_be_used_is_refused_with_its_field(
    dsn: str, clock: FakeClock, tmp_path: Path
) -> None:
    async with at_a_server(dsn, clock, tmp_path) as (_, run):
        for kind, address in (("email", "a;b@example.org"), ("ntfy", "https://ntfy.sh/mara?auth=x")):
            refused = await run("contact", "add", kind, address, code=1)
            assert "address:" in refused.err


async def test_a_contact_method_is_verified_at_the_terminal(
    dsn: str, clock: FakeClock, tmp_path: Path
) -> None:
    async with at_a_server(dsn, clock, tmp_path) as (w, run):
        added = await run("contact", "add", "webhook", f"{w.sink.url}/new", "--replaces", "1")
        number = added.out.split()[2].rstrip(".")
        # the server's own guard keeps its messages from the loopback address
        async with w.ctx.db.tx() as tx:
            code_id = await tx.value("select max(id) from contact_code")
            code = await people.issue_code(tx, w.ctx.signer, code_id, datetime.now(UTC))
        await run("contact", "resend", number, code=1)
        await run("contact", "verify", number, "12", code=1)
        verified = (await run("contact", "verify", number, code, "--json")).json
        assert verified["state"] == "verified"
        listed = (await run("contact", "list", "--json")).json
        assert 1 not in [m["id"] for m in listed]
        assert {str(m["id"]): m["state"] for m in listed}[number] == "verified"
