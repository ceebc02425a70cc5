"""Custom fields: each kind accepts what it should, required ones keep an incident open, and lists filter by them."""

import pytest

from firebell.incidents import actions as incidents
from firebell.incidents.closing import queries as closing_queries
from firebell.incidents.custom_fields import actions as field_actions
from firebell.incidents.custom_fields import field_kinds
from firebell.incidents.custom_fields.field_kinds import CustomField, FieldKind
from firebell.kit.clock import FakeClock
from firebell.kit.errors import Conflict, Invalid, NotFound
from tests.actions.test_incidents import declared, run
from tests.api.api_clients import key_of, organization
from tests.world import world


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        (FieldKind.TEXT, "  two   words ", "two words"),
        (FieldKind.NUMBER, "1,50", "1.5"),
        (FieldKind.NUMBER, "100", "100"),
        (FieldKind.CHOICE, "EU", "EU"),
        (FieldKind.DATE, "2026-02-28", "2026-02-28"),
        (FieldKind.PERSON, "007", "7"),
        (FieldKind.NUMBER, "", ""),
    ],
)
def test_a_value_is_stored_in_one_spelling(kind: FieldKind, text: str, expected: str) -> None:
    assert field_kinds.stored(CustomField(1, "f", "F", kind, ("EU", "US")), text) == expected


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (FieldKind.TEXT, "x" * 501),
        (FieldKind.NUMBER, "many"),
        (FieldKind.NUMBER, "NaN"),
        (FieldKind.NUMBER, "1e999"),
        (FieldKind.CHOICE, "Mars"),
        (FieldKind.DATE, "2026-02-30"),
        (FieldKind.PERSON, "Mara"),
    ],
)
def test_a_wrong_value_is_refused(kind: FieldKind, text: str) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        field_kinds.stored(CustomField(1, "f", "F", kind, ("EU", "US")), text)


async def test_a_required_field_keeps_the_incident_open_until_it_is_filled(
    dsn: str, clock: FakeClock
) -> None:
    async with world(dsn, clock) as w:
        mara = await w.actor(w.mara)
        create = {"kind": FieldKind.CHOICE, "options": ["EU", "US"], "required_for": [0, 1], "now": w.now}
        field = await run(w, field_actions.create_field, mara, name="Region hit", **create)
        assert field.slug == "region_hit"
        again = await run(w, field_actions.create_field, mara, name="Region Hit", **create)
        assert isinstance(again, Conflict)
        made, minor = await declared(w, severity=1), await declared(w, severity=3, title="Minor")

        async def states(incident_id: int) -> dict[str, bool]:
            async with w.ctx.db.tx() as tx:
                incident = await incidents.incident(tx, incident_id)
                listed = await closing_queries.conditions(tx, incident, w.now)
            return {c.code: c.is_met for c in listed}

        assert (await states(made.id))["fields"] is False
        assert "fields" not in await states(minor.id)
        wrong = await run(
            w, field_actions.set_values, mara, made.id, {"region_hit": "Mars", "no": "x"}, w.now
        )
        assert isinstance(wrong, Invalid)
        assert set(wrong.fields) == {"field-region_hit", "field-no"}
        await run(w, field_actions.set_values, mara, made.id, {"region_hit": "EU"}, w.now)
        assert (await states(made.id))["fields"] is True
        assert await run(w, field_actions.remove_field, mara, "region_hit", w.now) is None
        assert isinstance(await run(w, field_actions.remove_field, mara, "region_hit", w.now), NotFound)
        assert "fields" not in await states(made.id)


async def test_managers_define_fields_and_lists_filter_by_them(dsn: str, clock: FakeClock) -> None:
    async with organization(dsn, clock) as (w, api):
        await api("POST", "/incident-fields", {"name": "Region"}, status=201)
        for title in ("One", "Two"):
            await api("POST", "/incidents", {"title": title, "severity": "SEV3"}, status=201)
        await api("PUT", "/incidents/INC-1/fields", {"values": {"region": "EU"}})
        assert (await api("GET", "/incidents/INC-1/fields"))["values"] == {"region": "EU"}
        assert [i["ref"] for i in await api("GET", "/incidents", field="region:EU")] == ["INC-1"]
        assert await api("GET", "/incidents", field="region:US") == []
        await api("GET", "/incidents", field="nothing:EU", status=422)
        responder = api.with_key(await key_of(w.ctx.db, clock, w.jun))
        await responder("POST", "/incident-fields", {"name": "Other"}, status=403)
