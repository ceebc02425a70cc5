"""The blameless lint and the author of a post-mortem over JSON."""

from datetime import timedelta

from firebell.incidents import actions as incidents
from firebell.incidents.model import IncidentRole, Phase
from firebell.kit.clock import FakeClock
from tests.api.api_clients import organization
from tests.api.test_timeline_entries import INC, declare

LINT = "/post-mortems/lint"


async def test_a_text_is_linted_with_the_names_of_the_organization(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        text = "Mara failed to look. <!-- ok: her own words -->\n\nJun Okafor failed to ask. It should have fired."
        answer = await api("POST", LINT, {"text": text})
        assert (answer["examined"], answer["language"], answer["blocking"]) == (True, "en", 1)
        assert [(f["code"], f["level"], f["line"], f["waiver"]) for f in answer["findings"]] == [
            ("B3", "error", 1, "her own words"),
            ("B3", "error", 3, ""),
            ("B1s", "info", 3, ""),
        ]
        jun = answer["findings"][1]
        assert text[jun["start"] : jun["end"]] == jun["quote"] == "Jun Okafor failed to"
        assert (jun["replacement"], jun["question"][-1]) == ("Jun Okafor did not", "?")
        timeline = await api("POST", LINT, {"text": text, "section": "Timeline"})
        assert timeline["findings"] == []
        other = await api("POST", LINT, {"text": text, "language": "de"})
        assert (other["examined"], other["findings"]) == (False, [])
        assert (await api("POST", LINT, {"text": ""}))["findings"] == []
        for body in (
            {},
            {"text": "x" * 200_001},
            {"text": 1},
            {"text": "a", "section": "s" * 201},
            {"text": "\0"},
        ):
            await api("POST", LINT, body, status=422)
        assert w


async def test_an_author_is_assigned_and_a_late_post_mortem_is_a_finding(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        await declare(w, severity=1)
        mara = await w.actor(w.mara)
        async with w.ctx.db.tx() as tx:
            await incidents.take_role(tx, mara, 1, IncidentRole.COMMANDER, w.mara, w.now)
            await incidents.set_phase(tx, mara, 1, Phase.MONITORING, w.now, reason="x", force=True)
            await incidents.set_phase(tx, mara, 1, Phase.CLOSED, w.now, reason="x", force=True)
        await w.settle()
        path = f"/post-mortems/{INC.rpartition('/')[2]}/author"
        assert (await api("PUT", path, {"person_id": w.jun}))["author_id"] == w.jun
        assert (await api("GET", "/audit", limit=1))[0]["action"] == "postmortem.author_assigned"
        await api("PUT", path, {"person_id": 9_999}, status=404)
        await api("PUT", path, {"person_id": 0}, status=422)
        await api("PUT", "/post-mortems/INC-99/author", {"person_id": w.jun}, status=404)
        clock.advance(timedelta(hours=49))
        checks = await api("GET", f"{INC}/checks")
        late = next(f for f in checks["findings"] if f["code"] == "P-SKIPPED")
        assert (late["level"], late["id"]) == ("error", "P-SKIPPED:late")
        waived = await api(
            "POST", f"{INC}/checks/waivers", {"finding": late["id"], "reason": "Written on paper first"}
        )
        assert waived["open"] == checks["open"] - 1
