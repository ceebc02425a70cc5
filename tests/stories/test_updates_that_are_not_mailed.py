"""Story: updates of a status page of which subscribers get no mail, because they are quiet or recalled."""

from datetime import timedelta
from pathlib import Path

from firebell.kit.clock import FakeClock
from tests.stories.test_subscribers_of_a_status_page import INCIDENTS, OPS, Town, town


async def test_a_quiet_update_and_one_that_is_recalled_are_never_mailed(
    dsn: str, clock: FakeClock, tmp_path: Path
) -> None:
    async with town(dsn, clock, tmp_path) as t:
        await t.subscribe(OPS)
        other = await t.publish("One.")
        await t.w.settle()
        mails = len(t.relay.to(OPS))
        # a quiet update is on the page alone, and a correction is never quiet
        quiet = {"stage": "identified", "body": "Four.", "notify": False}
        quiet["next_update_at"] = (t.w.now + timedelta(minutes=30)).isoformat()
        updates = f"{INCIDENTS}/{other['id']}/updates"
        refused = await t.api(
            "POST", updates, {**quiet, "kind": "correction", "stage": "investigating"}, status=422
        )
        assert [each["field"] for each in refused["errors"]] == ["notify"]
        published = await t.api("POST", updates, quiet, status=201)
        await t.w.settle()
        assert len(t.relay.to(OPS)) == mails
        assert [each["notify"] for each in published["updates"]] == [True, False]
        public = (await t.http.get("/s/kestrel/api/v2/incidents.json")).json()["incidents"]
        shown_updates = next(each for each in public if each["id"] == other["id"])["incident_updates"]
        assert [each["deliver_notifications"] for each in shown_updates] == [False, True]
        await what_is_recalled_is_not_mailed(t, mails)


async def what_is_recalled_is_not_mailed(t: Town, mails: int) -> None:
    """Mail about a post waits while it can be recalled; then the corrected text is mailed at once."""
    incident = {"title": "Logins fail", "severity": "SEV1", "services": ["checkout"]}
    ref = (await t.api("POST", "/incidents", incident, status=201))["ref"]
    for body, count, is_recalled in (
        ("We are sorry: Nordpost cannot sign in.", 0, True),
        ("We are sorry: some cannot sign in.", 1, False),
        ("We are sorry: it was wrong.", 1, True),
        ("We are sorry: all of you cannot sign in.", 2, False),
    ):
        post = {
            "bodies": {"public": body},
            "targets": ["status_page:kestrel"],
            "stage": "investigating",
            "revision": (await t.api("GET", f"/incidents/{ref}/comms"))["revision"],
            "reason": "It is so.",
            "next_update_at": (t.w.now + timedelta(minutes=30)).isoformat(),
            "headline": "Logins fail",
        }
        sent = await t.api("POST", f"/incidents/{ref}/comms", post, status=201)
        await t.w.settle()
        before = len(t.relay.to(OPS))
        if is_recalled:
            await t.api("POST", f"/undo/{sent['undo']['token']}")
        t.w.clock.advance(timedelta(seconds=31))
        await t.w.settle()
        assert (before, len(t.relay.to(OPS))) == (mails + count - (not is_recalled), mails + count), body
        if not is_recalled:
            t.w.clock.advance(timedelta(minutes=31))
    # without contacts of customers, the mail to subscribers is the one that customers get within the hour
    results = (await t.api("GET", f"/incidents/{ref}/checks"))["findings"]
    assert "T-MAIL" not in {each["code"] for each in results}
    mailed = [mail.get_body(("plain",)) for mail in t.relay.to(OPS)[-2:]]
    texts = [part.get_content() for part in mailed if part]
    assert "some cannot" in texts[0]
    assert "all of you cannot" in texts[1]
    assert not any("Nordpost" in each or "wrong" in each for each in texts)
