"""The forms of a service offer the runbooks of the library, and keep what was typed."""

from firebell.kit.clock import FakeClock
from tests.api.api_clients import Api, browser, key_of, sign_in
from tests.world import world

OWN = "# Drain the queue\n\n## Steps\n\n1. Stop the worker.\n"


async def test_a_runbook_of_the_library_is_chosen_by_slug_title_or_address(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w, browser(w) as http:
        api = Api(http, await key_of(w.ctx.db, clock, w.mara))
        csrf = await sign_in(w, http, w.mara)
        await api("PUT", "/runbooks/drain", {"body": OWN, "version": 0})
        await api("PUT", "/runbooks/gone", {"body": OWN.replace("Drain", "Forget"), "version": 0})
        await api("DELETE", "/runbooks/gone")
        drain = (await api("GET", "/runbooks/drain"))["url"]
        assert drain.endswith("/runbooks/drain")
        assert drain in [each["url"] for each in await api("GET", "/runbooks")]

        # the list has the organization's own runbooks and the default ones, and none that was deleted
        form = (await http.get("/services")).text
        assert '<option value="drain">Drain the queue</option>' in form
        assert '<option value="database-failover">' in form
        assert 'value="gone"' not in form

        # a refusal keeps all that was typed, and names the field
        new = {"csrf": csrf, "name": "Queue", "team": "1", "description": "Holds orders"}
        refused = await http.post("/services", data={**new, "runbook_url": "drian"})
        assert refused.status_code == 422
        for kept in (
            'value="drian"',
            'value="Queue"',
            'value="Holds orders"',
            "Choose a runbook from the list",
        ):
            assert kept in refused.text, kept
        assert "<details open>" in refused.text
        refused = await http.post("/services", data={**new, "name": "", "runbook_url": "drain"})
        assert (refused.status_code, 'value="drain"' in refused.text) == (422, True)

        for number, entered in enumerate(("drain", " drain the QUEUE ", drain, "DRAIN")):
            queue = {**new, "name": f"Queue {number}", "runbook_url": entered}
            assert (await http.post("/services", data=queue)).status_code == 303, entered
            service = await api("GET", f"/services/queue-{number}")
            assert service["runbook_url"] == drain, entered
            assert [(r["slug"], r["match"]) for r in service["runbooks"]] == [("drain", "service_link")]

        # the form that edits it shows the choice; an address elsewhere can be chosen, too
        edit = "/services/queue-0/edit"
        shown = (await http.get(edit)).text
        assert 'name="runbook_url" list="runbook-choices"' in shown
        assert 'name="was_runbook_url" value="drain"' in shown
        was = {**new, "name": "Queue 0", "was_runbook_url": "drain"}
        refused = await http.post(edit, data={**was, "runbook_url": "nowhere"})
        assert (refused.status_code, 'value="nowhere"' in refused.text) == (422, True)
        wiki = "https://wiki.example.org/queue#drain"
        assert (await http.post(edit, data={**was, "runbook_url": wiki})).status_code == 303
        assert f'value="{wiki}"' in (await http.get(edit)).text
        again = {**was, "was_runbook_url": wiki}
        assert (await http.post(edit, data={**again, "runbook_url": "database-failover"})).status_code == 303
        assert (await api("GET", "/services/queue-0"))["runbook_url"].endswith("/runbooks/database-failover")
        again["was_runbook_url"] = "database-failover"
        assert (await http.post(edit, data={**again, "runbook_url": ""})).status_code == 303
        assert (await api("GET", "/services/queue-0"))["runbook_url"] == ""

        # someone else chose another one meanwhile: the form says which
        mine = {**was, "was_name": "Queue 2", "name": "Queue 2"}
        theirs = await http.post("/services/queue-2/edit", data={**mine, "runbook_url": "database-failover"})
        assert theirs.status_code == 303
        refused = await http.post(
            "/services/queue-2/edit", data={**mine, "runbook_url": "certificate-expired"}
        )
        assert refused.status_code == 409
        assert "Someone changed this to: database-failover" in refused.text

        # one that was chosen and then deleted stays until someone chooses another
        await api("DELETE", "/runbooks/drain")
        saved = await http.post(
            "/services/queue-1/edit", data={**was, "name": "Queue 1", "runbook_url": "drain", "tier": "2"}
        )
        assert saved.status_code == 303
        service = await api("GET", "/services/queue-1")
        assert (service["runbook_url"], service["tier"]) == (drain, 2)
