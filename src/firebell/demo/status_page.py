"""The demo's status page: what customers of Kestrel read, with a year of history."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from firebell.incidents import actions as incidents
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.status_pages import actions, incident_store, queries, stages, store
from firebell.status_pages.hosting import actions as hosting_actions
from firebell.status_pages.maintenance import actions as maintenance
from firebell.status_pages.maintenance import published_texts, recurrence
from firebell.status_pages.maintenance_windows import store as maintenance_store
from firebell.status_pages.maintenance_windows.model import MaintenancePlan, Muting
from firebell.status_pages.model import ComponentStatus, PageVisibility, Stage, UpdateKind
from firebell.status_pages.part_translations import actions as part_translation_actions
from firebell.status_pages.past_status import actions as relabeling
from firebell.status_pages.publishing import actions as publishing
from firebell.status_pages.publishing.actions import NewUpdate
from firebell.status_pages.relabeling_model import RelabelingRequest
from firebell.status_pages.signing import actions as signing

if TYPE_CHECKING:
    from firebell.demo.history import Past

SLUG = "kestrel"
COMPONENTS = {
    "Checkout": "checkout-api",
    "Card payments": "payments-gateway",
    "Search": "search",
    "Delivery notifications": "notifications",
    "Product catalog": "catalog",
    "Website and apps": "edge",
}
FOOTER_LINKS = [
    ("Imprint", "https://kestrel.example/imprint"),
    ("Privacy", "https://kestrel.example/privacy"),
]
NAMES = {
    "de": {
        "Checkout": "Kasse",
        "Card payments": "Kartenzahlung",
        "Search": "Suche",
        "Delivery notifications": "Versandbenachrichtigungen",
        "Product catalog": "Produktkatalog",
        "Website and apps": "Website und Apps",
    },
    "fr": {"Checkout": "Panier et commande", "Card payments": "Paiement par carte"},
}
"""What customers call the components in other languages."""
STATUSES = {
    0: ComponentStatus.MAJOR_OUTAGE,
    1: ComponentStatus.PARTIAL_OUTAGE,
    2: ComponentStatus.DEGRADED_PERFORMANCE,
}
"""What an incident of each severity does to its components; SEV3 is not published."""


QUEUE_WORK = "Delivery notifications: faster queue"
QUEUE_WORK_STARTED_MINUTES_AGO = 70


async def create(past: "Past") -> None:
    """Create the status page with what customers know by a name."""
    kestrel, now = past.kestrel, past.clock.now()
    mara = kestrel.actor("Mara")
    async with past.ctx.db.tx() as tx:
        page = await actions.create_status_page(
            tx,
            mara,
            slug=SLUG,
            name="Kestrel",
            tz="Europe/Stockholm",
            visibility=PageVisibility.PUBLIC,
            component_of=(),
            now=now,
        )
        for name, service in COMPONENTS.items():
            await actions.add_component(
                tx, mara, page.id, name=name, service_ids=[kestrel.services[service]], now=now
            )
        values = {"support_url": "https://support.kestrel.example/"}
        await actions.update_status_page(tx, mara, page.id, values, now)
        look = {
            "accent": "#0a7ea4",
            "locales": ["de", "fr", "es", "ja", "ar"],
            "footer_links": FOOTER_LINKS,
        }
        await hosting_actions.change_theme(tx, mara, page.id, look, now)
        await _name_parts(tx, mara, page.id, kestrel.services["ledger-db"], now)


async def _name_parts(tx: Tx, mara: Actor, page_id: int, service_id: int, now: datetime) -> None:
    """Hide a component that few customers know while it works, and name the others in German, in part in French."""
    hidden = await actions.add_component(
        tx, mara, page_id, name="Invoice archive", service_ids=[service_id], now=now
    )
    values = {"description": "Invoices of the last ten years", "only_if_affected": True}
    await actions.update_component(tx, mara, page_id, hidden.id, values, now)
    ids = {component.name: component.id for component in await store.components(tx, page_id)}
    for locale, names in NAMES.items():
        texts = {ids[name]: {"name": translated} for name, translated in names.items()}
        await part_translation_actions.translate_parts(tx, mara, page_id, locale, {}, texts, now)


async def tell(
    past: "Past",
    incident_id: int,
    severity: int,
    stage: Stage,
    name: str,
    body: str,
    *,
    eta_at: datetime | None = None,
    translations: Mapping[str, str] | None = None,
) -> None:
    """Publish the next update of an incident, the first one if nothing was published yet."""
    if severity not in STATUSES:
        return
    now, mara = past.clock.now(), past.kestrel.actor("Mara")
    async with past.ctx.db.tx() as tx:
        page = await actions.status_page(tx, SLUG)
        published = (await incident_store.of_incident(tx, incident_id)).get(page.id)
        next_update_at = (
            None if stage is Stage.RESOLVED else now + stages.next_update_interval(severity, stage)
        )
        if published is None:
            affected = await store.components_of_services(
                tx, (await incidents.services(tx, [incident_id]))[incident_id]
            )
            statuses = dict.fromkeys(affected.get(page.id, ()), STATUSES[severity])
            update = NewUpdate(stage, body, statuses, next_update_at=next_update_at)
            await publishing.open_incident(tx, mara, page.id, name, update, now, incident_id=incident_id)
            return
        recovered = stage in (Stage.MONITORING, Stage.RESOLVED)
        statuses = dict.fromkeys(published.component_ids, ComponentStatus.OPERATIONAL) if recovered else {}
        update = NewUpdate(
            stage,
            body,
            statuses,
            next_update_at=next_update_at,
            eta_at=eta_at,
            translations=translations or {},
        )
        await publishing.publish_update(tx, mara, page.id, published.public_id, update, now)


async def publish_postmortem(past: "Past", incident_id: int, text: str) -> None:
    """Publish what customers should know of a post-mortem, if its incident is on the page."""
    now, mara = past.clock.now(), past.kestrel.actor("Mara")
    async with past.ctx.db.tx() as tx:
        page = await actions.status_page(tx, SLUG)
        published = (await incident_store.of_incident(tx, incident_id)).get(page.id)
        if published is None or published.is_open:
            return
        update = NewUpdate(Stage.RESOLVED, text, {}, kind=UpdateKind.POSTMORTEM)
        await publishing.publish_update(tx, mara, page.id, published.public_id, update, now)


async def replace_key(past: "Past") -> None:
    """Replace the key that signs the log, as the organization does each year."""
    now, mara = past.clock.now(), past.kestrel.actor("Mara")
    async with past.ctx.db.tx() as tx:
        page = await actions.status_page(tx, SLUG)
        await signing.replace_key(tx, mara, page.id, "Yearly change.", now)


async def relabel(past: "Past") -> None:
    """Ask for a relabeling of the longest problem, which waits for a second person."""
    now, ewa = past.clock.now(), past.kestrel.actor("Ewa")
    async with past.ctx.db.tx() as tx:
        page = await actions.status_page(tx, SLUG)
        shown = (await queries.view_of(tx, page, now)).components
        problems = [
            (span, each.component.id)
            for each in shown
            for span in each.spans
            if span.status > ComponentStatus.UNDER_MAINTENANCE and span.end < now - timedelta(days=2)
        ]
        if not problems:
            return
        span, component_id = max(problems, key=lambda problem: problem[0].end - problem[0].start)
        reason = "The probe was broken. Support heard from no customer, and sales were as usual."
        request = RelabelingRequest(component_id, span.start, span.end, ComponentStatus.OPERATIONAL, reason)
        await relabeling.request_relabeling(tx, ewa, page.id, request, now)


QUEUE_WORK_IN_GERMAN = (
    "Wir stellen die Versandbenachrichtigungen auf eine schnellere Warteschlange um. Sie können bis zu 20 Minuten"
    " später ankommen."
)


async def plan_maintenance(past: "Past", tonight: datetime) -> None:
    """Schedule a window that is completed by tonight, one under way, one in five days, and one every month."""
    hour, mara = tonight.replace(minute=0, second=0, microsecond=0), past.kestrel.actor("Mara")
    monthly = hour + timedelta(days=12)
    plans = [
        (
            "Product catalog: new search index",
            "Product catalog",
            "We are building a new index for the catalog. New products may appear up to 30 minutes late.",
            hour - timedelta(hours=34),
            "",
        ),
        (
            QUEUE_WORK,
            "Delivery notifications",
            "We are moving delivery notifications to a faster queue. They may arrive up to 20 minutes late.",
            tonight.replace(second=0, microsecond=0) - timedelta(minutes=QUEUE_WORK_STARTED_MINUTES_AGO),
            "",
        ),
        (
            "Database upgrade for card payments",
            "Card payments",
            "We are upgrading the database behind card payments. Card payments may pause for up to 10 minutes;"
            " invoices and wallets work throughout. No order is lost.",
            hour + timedelta(days=5),
            "",
        ),
        (
            "Monthly security updates",
            "Website and apps",
            "We are installing security updates. You may have to load a page twice.",
            monthly,
            recurrence.monthly(monthly),
        ),
    ]
    async with past.ctx.db.tx() as tx:
        page = await actions.status_page(tx, SLUG)
        ids = {component.name: component.id for component in await store.components(tx, page.id)}
        for name, component, body, start, rule in plans:
            plan = MaintenancePlan(
                *(name, body, start, start + timedelta(hours=2), (ids[component],)),
                rule=rule,
                muting=Muting(matchers='{severity=~"warning|info"}') if name == QUEUE_WORK else None,
            )
            window = await maintenance.schedule_maintenance(tx, mara, page.id, plan, past.clock.now())
            if name == QUEUE_WORK:
                await published_texts.translate_maintenance_update(
                    *(tx, mara, page.id, window.public_id, 1, "de", QUEUE_WORK_IN_GERMAN, past.clock.now())
                )


async def extend_maintenance(past: "Past") -> None:
    """Extend the window that is under way, and say why."""
    now, aiko = past.clock.now(), past.kestrel.actor("Aiko")
    async with past.ctx.db.tx() as tx:
        page = await actions.status_page(tx, SLUG)
        listed = await maintenance_store.since(tx, page.id, now - timedelta(days=1), 100)
        window = next(each for each in listed if each.name == QUEUE_WORK)
        text = "Copying the old messages takes longer than planned. Notifications may still arrive late."
        until = window.scheduled_until + timedelta(hours=1)
        await maintenance.extend_maintenance(tx, aiko, page.id, window.public_id, until, text, now)
