"""The schedule editor: saving without changes leaves a schedule as it was, whoever created it."""

from firebell.kit.clock import FakeClock
from firebell.oncall.model import MAX_LAYERS, Layer, Schedule, Unit, Window
from firebell.oncall.schedules import actions
from firebell.people import actions as people
from tests.api.test_a_schedule_is_changed_on_its_page import Desk, desk
from tests.html_forms import form_of
from tests.oncall_world import daily, day

EDIT = "/oncall/daily/edit"


async def saved_untouched(d: Desk) -> tuple[Schedule, Schedule]:
    """Open the editor, save it as it is, and return the schedule before and after."""
    before = await d.r.schedule()
    fields = form_of((await d.http.get(EDIT)).text, EDIT)
    done = await d.http.post(EDIT, data=fields)
    assert done.status_code == 303, done.text[:3000]
    return before, await d.r.schedule()


async def set_layers(d: Desk, *layers: Layer) -> None:
    """Replace the layers of the schedule."""
    done = await d.r.run(actions.replace_layers, d.r.id, layers)
    assert isinstance(done, Schedule), done


async def test_bug_the_third_of_a_turn_and_a_long_weekend_were_lost(dsn: str, clock: FakeClock) -> None:
    async with desk(dsn, clock) as d:
        mara, jun, ada = d.r.w.mara, d.r.w.jun, d.r.ada
        weekend = (Window(17 * 60, 3840, frozenset({4})), Window(0, 1440, frozenset({6})))
        together = Layer(0, ((mara, jun, ada), ()), daily().anchor, Unit.HOUR, 800, "UTC", name="Together")
        await set_layers(d, daily(mara, jun), together, daily(ada, windows=weekend, name="Weekend"))
        before, after = await saved_untouched(d)
        assert after.layers == before.layers


async def test_bug_a_layer_that_ends_went_on_and_one_that_waits_began(dsn: str, clock: FakeClock) -> None:
    async with desk(dsn, clock) as d:
        mara, jun, ada = d.r.w.mara, d.r.w.jun, d.r.ada
        freeze = daily(ada, start=day(5), end=day(8), name="Freeze")
        await set_layers(d, daily(mara, jun), freeze)
        before, after = await saved_untouched(d)
        assert after.layers == before.layers
        await d.r.run(actions.join, d.r.id, layer_id=before.layers[-1].id, person_id=mara, at=day(6))
        before, after = await saved_untouched(d)
        assert after.layers == before.layers
        assert ", until Mon " in (await d.http.get(EDIT)).text

        fields = form_of((await d.http.get(EDIT)).text, EDIT)
        waits = next(i for i in range(3) if fields[f"name-{i}"] == ["Freeze"])
        fields[f"slot-{waits}"][0] = str(jun)
        assert (await d.http.post(EDIT, data=fields)).status_code == 303
        turns = [await d.r.who(day(n, 1)) for n in (3, 4, 5, 8, 9)]
        assert turns == [(jun,), (mara,), (jun,), (mara,), (jun,)]


async def test_bug_layers_after_the_twelfth_were_lost(dsn: str, clock: FakeClock) -> None:
    async with desk(dsn, clock) as d:
        people_ = (d.r.w.mara, d.r.w.jun, d.r.ada) * 7
        await set_layers(d, *(daily(*people_, name=f"Layer {i}") for i in range(MAX_LAYERS)))
        before, after = await saved_untouched(d)
        assert after.layers == before.layers


async def test_bug_a_turn_of_someone_who_left_was_lost(dsn: str, clock: FakeClock) -> None:
    async with desk(dsn, clock) as d:
        async with d.r.w.ctx.db.tx() as tx:
            await people.update_person(tx, d.r.actor, d.r.ada, active=False, now=d.r.w.now)
        before, after = await saved_untouched(d)
        assert after.layers == before.layers
        assert "Ada Byron (deactivated)" in (await d.http.get(EDIT)).text
