"""Steps of a story: Firebell posts the first update that no one writes, and leaves to people what is theirs."""

from typing import Any

import httpx

from firebell.comms.model import RULE_LABEL
from firebell.incidents import actions as incidents
from firebell.incidents.model import IncidentType
from tests.api.api_clients import Api, sign_in
from tests.world import World

RULE = "/status-pages/kestrel/first-update"
PUBLISHED = "/status-pages/kestrel/incidents"


async def the_rule_of_a_page_is_turned_on(api: Api) -> None:
    """Refuse what Firebell could not post as it is, and turn the rule on for a SEV1."""
    rule = await api("GET", RULE)
    assert rule["enabled"] is False
    own = {name: rule[name] for name in ("minutes", "headline", "body")} | {
        "enabled": True,
        "severities": [1],
    }
    for changes, field in (
        ({"severities": []}, "severities"),
        ({"minutes": 3}, "minutes"),
        ({"headline": " "}, "headline"),
        ({"body": " "}, "body"),
        ({"body": "{{components}}: {{impact}}"}, "body"),
        ({"body": "We will be back shortly."}, "body"),
    ):
        refused = await api("PUT", RULE, {**own, **changes}, status=422)
        assert [each["field"].removeprefix("body.") for each in refused["errors"]] == [field]
    assert (await api("PUT", RULE, own))["enabled"] is True


async def firebell_posts_what_no_one_writes(w: World, api: Api, http: httpx.AsyncClient, ref: str) -> None:
    """Warn the commander, post at ten minutes without a word of the incident, and let a person recall it."""
    [coming] = (await api("GET", f"/incidents/{ref}/first-update"))["coming"]
    assert (coming["status_page"], coming["needs_approval"]) == ("kestrel", False)
    before = await api("GET", PUBLISHED)
    await w.after(minutes=6)
    assert await api("GET", PUBLISHED) == before
    assert await _notices(w) == [(w.jun, "warning", "high")]
    await w.after(minutes=5)
    newest, *others = await api("GET", PUBLISHED)
    assert others == before
    [update] = newest["updates"]
    assert (newest["incident"], newest["stage"], update["actor"]) == (ref, "investigating", RULE_LABEL)
    assert [each["status"] for each in update["components"]] == ["partial_outage"]
    incident = await api("GET", f"/incidents/{ref}")
    assert incident["title"] not in f"{newest['name']} {update['body']}"
    entries = await api("GET", f"/incidents/{ref}/timeline")
    own = sorted(each["kind"] for each in entries if each["by"] == RULE_LABEL)
    assert own == ["first_update", "public"]
    assert await _notices(w) == [(w.jun, "warning", "high"), (w.jun, "published", "high")]
    assert await _audited(w, "comms.first_update_published") == [RULE_LABEL]

    token = await sign_in(w, http, w.mara)
    [post] = await api("GET", f"/incidents/{ref}/comms/posts")
    own_path = f"/incidents/{ref}/comms/{post['id']}"
    assert f'action="{own_path}/recall"' in (await http.get(own_path)).text
    await http.post(f"{own_path}/recall", data={"csrf": token})
    recalled = await api("POST", f"/incidents/{ref}/comms/posts/{post['id']}/recall")
    assert recalled["state"] == "recalled"
    assert (await api("GET", f"/incidents/{ref}/comms"))["draft_by"] == RULE_LABEL
    newest = (await api("GET", PUBLISHED))[0]
    assert update["body"] not in newest["updates"][0]["body"]
    await w.after(minutes=30)
    assert len(await api("GET", PUBLISHED)) == len(before) + 1


async def firebell_leaves_to_people_what_is_theirs(w: World, api: Api, http: httpx.AsyncClient) -> None:
    """Post nothing that someone took over, that someone must approve, that is private, or that became mild."""
    claimed = await _declare(w, "Nordpost cannot pay")
    approved = await _declare(w, "Names of others are shown", incident_type=IncidentType.DATA_PROTECTION)
    await _declare(w, "A staff laptop is lost", private=True)
    mild = await _declare(w, "Invoices are late")
    before = await api("GET", PUBLISHED)
    reminded = await _notices(w)
    await w.after(minutes=4)
    token = await sign_in(w, http, w.mara)
    claim = f"/incidents/{claimed}/first-update/claim"
    for path in (f"/incidents/{claimed}", f"/incidents/{claimed}/comms"):
        assert f'action="{claim}"' in (await http.get(path)).text
    await http.post(claim, data={"csrf": token})
    state = await api("POST", claim)
    assert (state["coming"], bool(state["claimed_by"])) == ([], True)
    async with w.ctx.db.tx() as tx:
        jun = await w.actor(w.jun)
        number = int(mild.removeprefix("INC-"))
        await incidents.set_severity(tx, jun, number, 3, "One customer.", w.now)
    await api("POST", f"/incidents/{mild}/first-update/claim", status=409)
    [coming] = (await api("GET", f"/incidents/{approved}/first-update"))["coming"]
    assert coming["needs_approval"] is True
    await w.after(minutes=40)
    assert await api("GET", PUBLISHED) == before
    assert (await _notices(w))[len(reminded) :] == [(w.jun, "approval", "high")]
    assert len(await _audited(w, "comms.first_update_claimed")) == 1


async def _declare(w: World, title: str, **how: Any) -> str:
    async with w.ctx.db.tx() as tx:
        declared = await incidents.declare(
            *(tx, await w.actor(w.mara)),
            title=title,
            severity=1,
            commander_id=w.jun,
            service_ids=[w.service],
            now=w.now,
            **how,
        )
    return declared.ref


async def _notices(w: World) -> list[tuple[int, str, str]]:
    """Return the recipient, the occasion and the urgency of each notice about first updates."""
    async with w.ctx.db.tx() as tx:
        rows = await tx.fetch(
            "select key, person_id, urgency from notice where kind = 'firstupdate' order by id"
        )
    return [(row["person_id"], row["key"].split(":")[1], row["urgency"]) for row in rows]


async def _audited(w: World, action: str) -> list[str]:
    async with w.ctx.db.tx() as tx:
        rows = await tx.fetch("select actor_label from audit where action = $1 order by id", action)
    return [row["actor_label"] for row in rows]
