"""An organization in which every name, title, key and address is as long as it may be, in four scripts."""

from datetime import timedelta
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page

from firebell.catalog import actions as catalog
from firebell.incidents import actions as incidents
from firebell.incidents.model import ENTRY_KINDS, IncidentRole
from firebell.kit.text import NAME_LIMIT
from firebell.oncall.model import OverrideKind
from firebell.oncall.schedules import actions as oncall
from firebell.people import actions as people
from firebell.postmortems import actions as postmortems
from firebell.regulatory import actions as regulatory
from firebell.regulatory.drafts import actions as draft_actions
from firebell.regulatory.model import Answer
from firebell.runbooks import actions as runbooks
from tests.browser.conftest import sign_in
from tests.world import ANSWERS, World

LATIN, CJK, ARABIC, EMOJI = (
    (part * 200)[:200] for part in ("Donaudampfschiff", "決済処理遅延", "خدمةالدفع", "🔥🚒")
)
LONG_EMAIL = f"{'j' * 64}@{'m' * 60}.{'e' * 50}.example"
ADDRESSES = (
    *("/", "/pages", "/pages?state=resolved", "/pages/PG-1", "/pages/PG-2", "/pages/PG-3"),
    *(
        "/incidents",
        "/incidents?state=closed",
        "/incidents/new",
        "/incidents/INC-1",
        "/incidents/INC-1/messages",
    ),
    *("/oncall", "/oncall?view=day", "/oncall?view=month", "/oncall/payments-primary", "/oncall/me"),
    *(
        "/oncall/new",
        "/oncall/new/sun",
        "/oncall/payments-primary/edit",
        "/oncall/payments-primary/calendars",
    ),
    *("/oncall/calendars", "/oncall/handoffs", "/oncall/load", "/oncall/pay", "/oncall/pay/rates"),
    *("/escalation", "/escalation/payments", "/escalation/payments/edit", "/escalation/new"),
    "/service-map",
    *("/services", "/services/checkout", "/alerts", "/alerts/1", "/alerts/2"),
    *("/post-mortems", "/post-mortems/INC-1", "/post-mortems/INC-1?edit=yes", "/tasks?show=queue"),
    *("/runbooks", "/runbooks/long", "/runbooks/long/edit", "/runbooks/new"),
    *(
        "/clocks",
        "/clocks?state=all",
        "/clocks/regimes",
        "/clocks/regimes/eu-dora",
        "/clocks/breaches",
        "/incidents/INC-1/clocks",
        "/incidents/INC-1/clocks/drafts/1",
    ),
    *("/handbook", "/handbook/references/incident-workflow", "/handbook?q=commander"),
    *("/handbook/templates", "/handbook/templates/update-first"),
    *("/settings", "/settings/contact", "/settings/keys", "/settings/calendars", "/settings/sessions"),
    *("/settings/response", "/settings/response/severities/SEV0", "/settings/response/groups"),
    *("/settings/response/steps", "/settings/response/rows"),
    *("/settings/response/review", "/settings/response/transfer"),
    *(
        "/settings/people",
        "/settings/people/2/deactivate",
        "/settings/teams",
        "/settings/teams/payments",
        "/settings/chat",
    ),
    *("/settings/chat", "/settings/audit", "/settings/retention", "/more", "/nowhere"),
)
"""One address of every kind of page, in the organization of `lengthen`."""


async def lengthen(w: World) -> None:
    """Fill the organization with the longest names, also in pages, an incident and its documents."""
    actor = await w.actor(w.mara)
    async with w.ctx.db.tx() as tx:
        second = await catalog.create_service(
            tx, actor, name=CJK[:NAME_LIMIT], team_id=1, description=ARABIC, now=w.now
        )
        await people.create_api_key(
            tx, actor, name=LATIN[:NAME_LIMIT], scopes=["pages:read"], person_id=w.mara, now=w.now
        )
        await people.add_contact_method(
            tx,
            actor,
            person_id=w.mara,
            kind="webhook",
            address=f"https://example.org/{'a' * 180}",
            label=LATIN[:80],
            now=w.now,
        )
        await oncall.create_override(
            tx,
            actor,
            kind=OverrideKind.SET,
            schedule_id=1,
            users=[w.jun],
            start=w.now + timedelta(hours=1),
            end=w.now + timedelta(days=9),
            reason=LATIN,
            now=w.now,
        )
        await runbooks.save(
            tx, actor, "long", f"# {LATIN}\n\n## {CJK}\n\n```bash\necho {LATIN}\n```\n", w.now
        )
    await w.alert(LATIN, key=LATIN, description=ARABIC, links={"dashboard": f"https://example.org/{LATIN}"})
    await w.alert(CJK, key="c", labels={"service": "two", LATIN[:60]: LATIN})
    await w.alert(f"{EMOJI[:60]} {ARABIC}", key="d", labels={"service": "three"})
    await w.settle()
    page_id = (await w.pages())[0].id
    await w.ack(w.jun, page_id)
    async with w.ctx.db.tx() as tx:
        incident = await incidents.declare(
            tx,
            actor,
            title=LATIN,
            severity=1,
            service_ids=[w.service, second.id],
            commander_id=w.jun,
            now=w.now,
        )
        await incidents.take_role(tx, actor, incident.id, IncidentRole.SCRIBE, w.mara, w.now)
        for kind, text in zip(ENTRY_KINDS, (LATIN, CJK, ARABIC, EMOJI, LATIN), strict=False):
            await incidents.add_entry(tx, actor, incident.id, kind, text, w.now)
        await incidents.set_canvas(tx, actor, incident.id, LATIN, ARABIC, CJK, w.now)
        await postmortems.start(tx, actor, incident.id, w.now)
        contract = await regulatory.add_contract(
            tx,
            actor,
            customer=LATIN[:NAME_LIMIT],
            clause=LATIN[:60],
            amount=1,
            unit="hours",
            starts_on="declared",
            max_severity=0,
            tz="Europe/Oslo",
            now=w.now,
        )
        for fact in (contract.fact, "dora_major", "submitted:DORA-I"):
            await regulatory.record_fact(tx, actor, incident.id, fact, Answer.YES, w.now, reason=LATIN)
        draft = await draft_actions.open_draft(tx, actor, incident.id, "DORA-M", w.now)
        texts = {"infrastructure": LATIN, "clients": ARABIC}
        await draft_actions.answer_fields(tx, actor, incident.id, draft.id, texts, None, w.now)
        await incidents.link_page(tx, actor, incident.id, page_id, w.now)
        await tx.execute(
            "update person set name = $1, email = $2 where id = $3", LATIN[:NAME_LIMIT], LONG_EMAIL, w.jun
        )
        await tx.execute("update person set name = $1 where id = $2", ARABIC[:NAME_LIMIT], w.mara)
        for table, name in (
            ("team", CJK),
            ("service", LATIN),
            ("schedule", EMOJI),
            ("policy", LATIN),
            ("integration", LATIN),
        ):
            await tx.execute(f"update {table} set name = $1 where id = 1", name[:NAME_LIMIT])
    await w.settle()


async def signed_in(browser: Browser, url: str, width: int, height: int, **options: Any) -> Page:
    """Return a page of this size, with `measure`, whose reader is signed in as the admin."""
    context = await browser.new_context(base_url=url, viewport={"width": width, "height": height}, **options)
    await context.add_init_script(path=Path(__file__).with_name("measure.js"))
    page = await context.new_page()
    await sign_in(page, ANSWERS.email, ANSWERS.password)
    await page.goto("/")
    return page


async def resize(page: Page, size: tuple[int, int]) -> None:
    """Resize the window, in CSS pixels."""
    await page.set_viewport_size({"width": size[0], "height": size[1]})
