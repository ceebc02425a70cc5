"""Home, the roles panel and the process checks name the same missing roles."""

import re
from datetime import timedelta

import pytest

from firebell.incidents import actions as incidents
from firebell.incidents.model import IncidentRole
from firebell.kit.clock import FakeClock
from tests.api.api_clients import browser
from tests.api.test_long_lists_on_the_web import read, signed_in
from tests.world import world

MISSING = re.compile(r'data-missing="(\w+)" data-state="(\w+)"')


def missing(html: str) -> dict[str, str]:
    """Return the missing roles that a page names, with their state."""
    return dict(MISSING.findall(html))


@pytest.mark.parametrize(
    ("severity", "minutes", "expected"),
    [
        (0, 4, dict.fromkeys(("commander", "comms", "sme", "scribe"), "warn")),
        (0, 14, {"commander": "late", "comms": "warn", "sme": "warn", "scribe": "warn"}),
        (1, 45, {"commander": "late", "sme": "late"}),
        (2, 45, {"responder": "late"}),
    ],
)
async def test_bug_home_warned_of_a_role_that_the_process_checks_did_not_know(
    dsn: str, clock: FakeClock, severity: int, minutes: int, expected: dict[str, str]
) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        await signed_in(http)
        async with w.ctx.db.tx() as tx:
            actor = await w.actor(w.mara)
            made = await incidents.declare(tx, actor, title="Search is slow", severity=severity, now=w.now)
        clock.advance(timedelta(minutes=minutes))
        assert missing(await read(http, "/")) == expected, "home"
        room = await read(http, f"/incidents/{made.ref}")
        checks, _, roles = room.partition('id="rest"')
        assert missing(checks) == missing(roles) == expected
        if not severity:
            async with w.ctx.db.tx() as tx:
                await incidents.take_role(tx, actor, made.id, IncidentRole.COMMS, w.mara, w.now)
            assert "comms" not in missing(await read(http, f"/incidents/{made.ref}"))
