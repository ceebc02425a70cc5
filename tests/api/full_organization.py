"""An organization with one of everything, all routes with the access that each declares, and its secrets."""

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Match

from firebell.action_items import actions as action_items
from firebell.alerts.ingest import inbound
from firebell.app import pages
from firebell.audiences import actions as audiences
from firebell.audiences.model import AudienceText, Moment
from firebell.chat import store as chat_store
from firebell.chat.accounts import actions as accounts
from firebell.chat.accounts.actions import Connection
from firebell.chat.mirror import comparison_queue_store, object_store
from firebell.chat.model import (
    AccountSecrets,
    AccountSettings,
    AnnouncementRule,
    ChatKind,
    ObjectState,
    OncallGroup,
)
from firebell.comms import actions as comms
from firebell.comms import drafts
from firebell.comms.model import PostContent
from firebell.comms.tone.model import ReaderKind
from firebell.incident_tasks import actions as incident_tasks
from firebell.incidents import actions as incidents
from firebell.incidents.custom_fields import actions as field_actions
from firebell.incidents.custom_fields.field_kinds import FieldKind
from firebell.incidents.declaration_rules import actions as rule_actions
from firebell.incidents.declaration_rules.matching import DeclarationRule
from firebell.incidents.model import IncidentRole
from firebell.incidents.timeline import entry_actions
from firebell.incidents.timeline.attachment_types import NewFile
from firebell.kit.clock import FakeClock
from firebell.kit.db.database import Tx
from firebell.kit.db.events import SYSTEM
from firebell.kit.http_out import parse_networks
from firebell.oncall.calendars import actions as calendars
from firebell.oncall.calendars.model import FeedKind, Use
from firebell.people import actions as people
from firebell.people import store
from firebell.people.model import Role
from firebell.people.route_access import ApiDecision, PageDecision, Public
from firebell.postmortems import actions as postmortems
from firebell.postmortems.meeting import actions as meetings
from firebell.postmortems.near_misses import actions as near_misses
from firebell.postmortems.near_misses.model import NearMissReport
from firebell.regulatory import actions as regulatory
from firebell.regulatory.drafts import actions as draft_actions
from firebell.regulatory.model import Answer
from firebell.status_copies import actions as status_copies
from firebell.status_copies import difference_store, step_store
from firebell.status_copies import store as copy_store
from firebell.status_copies.difference_rules import ObservedDifference
from firebell.status_copies.model import DifferenceKind, Provider, RemoteComponent
from firebell.status_pages import actions as status_pages
from firebell.status_pages import relabeling_store
from firebell.status_pages.hosting import actions as hosting_actions
from firebell.status_pages.maintenance import actions as maintenance
from firebell.status_pages.maintenance_windows.model import MaintenancePlan, Muting
from firebell.status_pages.model import ComponentStatus, PageVisibility, Stage, StatusPage
from firebell.status_pages.publishing import actions as publishing
from firebell.status_pages.publishing.actions import NewUpdate
from firebell.status_pages.relabeling_model import RelabelingRequest
from firebell.subscribers import store as subscriber_store
from firebell.subscribers.model import FollowScope, SubscriberChannel, SubscriptionRequest
from tests.api.api_clients import TEST, key_of
from tests.api.organization_alerts import send_alerts
from tests.api.organization_heartbeats import add_heartbeat
from tests.api.organization_learning import add_anomaly, add_audit, add_drills
from tests.api.organization_policies import add_policy_version
from tests.api.organization_routing import add_routing
from tests.api.organization_runbooks import add_runbooks
from tests.api.organization_runs import RUN_VALUES, start_run
from tests.api.organization_self_watch import add_self_watch
from tests.api.organization_services import add_dependency
from tests.api.organization_shifts import add_shifts
from tests.api.organization_silences import add_silence
from tests.api.organization_trackers import add_trackers
from tests.api.organization_webhooks import add_webhook
from tests.world import World, world

Decision = ApiDecision | PageDecision | Public
RUNBOOK = "database-failover"
SLUGS = {
    "services": "checkout",
    "escalation": "payments",
    "policies": "payments",
    "runbooks": RUNBOOK,
    "teams": "payments",
    "incident-fields": "region",
    "handbook": "references/incident-roles",
    "status-pages": "kestrel",
    "audiences": "customers",
    "metrics": "resolve",
    "s": "kestrel",
}
PUBLIC_ID = "incident0001"
MAINTENANCE_ID = "maintenance1"
_DAY = "?from=2026-11-30T00:00:00Z&to=2026-12-01T00:00:00Z"
QUERIES = {
    "/api/v1/saved-views": "?list=alerts",
    "/api/v1/handbook/search": "?q=commander",
    "/api/v1/schedules/{slug}/shifts": _DAY,
    "/api/v1/schedules/{slug}/free": _DAY,
    "/api/v1/schedules/{slug}/holidays": _DAY,
    "/setup/done": "?service=checkout",
    "/internal/tls-ask": "?domain=status.kestrel.example",
    "/incidents": "?state=all&severity=0",
    "/incidents/{ref}/audiences": "?to=customers",
    "/api/v1/incidents/similar": "?title=Checkout",
}
"""Parameters that some addresses require."""
HANDOFF_DAY = "2026-11-30"
PNG = b"\x89PNG\r\n\x1a\n" + bytes(64)


@dataclass(slots=True)
class Everything:
    """The organization: a person and a full key for each role, and text that no answer may show."""

    w: World
    people: dict[Role, int] = field(default_factory=dict)
    keys: dict[Role, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entrance:
    """One method of one route, and who it is open to."""

    method: str
    path: str
    decisions: tuple[Decision, ...]
    route: APIRoute = field(repr=False, compare=False)

    @property
    def is_api(self) -> bool:
        """Whether it answers JSON under the API's address."""
        return self.path.startswith("/api/")

    def address(self, *, real: bool) -> str:
        """Return its path with values in it: of things that exist, or of things that do not."""
        values = _real(self.path) if real else _missing()
        path = self.path
        for name in self.route.param_convertors:
            value = values.get(name, "1" if real else "999999")
            path = path.replace(f"{{{name}}}", value).replace(f"{{{name}:path}}", value)
        return path + (QUERIES.get(self.path, "") if real else "")


def _real(path: str) -> dict[str, str]:
    section = path.removeprefix("/api/v1").split("/")[1]
    if path.startswith("/settings/"):
        section = path.split("/")[2]
    slug = SLUGS.get(section, "payments-primary")
    return {
        "slug": slug,
        "code": "de",
        "day": HANDOFF_DAY,
        "template_id": "update-first",
        "urgency": "high",
        "what": "note",
        "regime_id": "eu-gdpr",
        "name": "needs",
        "kind": "md" if "/export/" in path else "slack",
        "item_id": "2.4",
        "quarter": "2026-Q3" if "readiness" in path else "2026-Q4",
        "label": "2026-Q3",
        "team": "payments",
        "inject": "i1",
        "expectation": "e3",
        "number": "0",
        "key": "inc-1/e-1",
        "public_id": PUBLIC_ID,
        "maintenance_id": MAINTENANCE_ID,
        "seq": "1",
        "form": "md",
        "metric": "resolve",
        "step": "review",
        "approval_rule": "facts",
        "audience": "customers",
        "service": "checkout",
        "depends_on": "ledger",
        **RUN_VALUES,
    }


def _missing() -> dict[str, str]:
    return {"slug": "no-such-thing", "day": HANDOFF_DAY, "template_id": "no-such-thing", "urgency": "high"}


def _tree(dependant: Dependant) -> Iterator[Dependant]:
    yield dependant
    for part in dependant.dependencies:
        yield from _tree(part)


def _leaves(routes: Iterable[BaseRoute]) -> Iterator[BaseRoute]:
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is None:
            yield route
        else:
            yield from _leaves(included.routes)


_routes: list[BaseRoute] = []
_entrances: list[Entrance] = []


def leaves(w: World) -> list[BaseRoute]:
    """Return every route of the app, those of its routers included; the inbound app has its own tests.

    All apps of this process have the same.
    """
    if not _routes:
        _routes.extend(_leaves(pages(w.ctx, inbound.build(w.ctx)).routes))
    return _routes


def entrances(w: World) -> list[Entrance]:
    """Return every method of every route that FastAPI serves, HEAD apart."""
    _entrances.extend([] if _entrances else _all_entrances(w))
    return _entrances


def _all_entrances(w: World) -> list[Entrance]:
    return [
        Entrance(method, route.path, _decisions(route), route)
        for route in leaves(w)
        if isinstance(route, APIRoute)
        for method in sorted((route.methods or set()) - {"HEAD"})
    ]


def _decisions(route: APIRoute) -> tuple[Decision, ...]:
    calls = [part.call for part in _tree(route.dependant)]
    return tuple(c for c in calls if isinstance(c, ApiDecision | PageDecision | Public))


Finder = Callable[[str, str], Entrance | None]


def finder(known: list[Entrance]) -> Finder:
    """Return a function that finds which entrance a method and an address lead to, None for none."""

    @cache
    def find(method: str, address: str) -> Entrance | None:
        scope = {"type": "http", "method": method, "path": address.partition("?")[0].partition("#")[0]}
        matches = (e for e in known if e.method == method and e.route.matches(dict(scope))[0] is Match.FULL)
        return next(matches, None)

    return find


async def _people(everything: Everything) -> None:
    w = everything.w
    for role in Role:
        async with w.ctx.db.tx() as tx:
            made = await people.create_person(
                tx, TEST, name=f"The {role}", email=f"{role}@example.org", role=role, tz="UTC", now=w.now
            )
            everything.people[role] = made.id
        everything.keys[role] = await key_of(w.ctx.db, w.clock, made.id)
        everything.secrets[f"key of the {role}"] = everything.keys[role]


async def _secrets(tx: Tx, everything: Everything) -> None:
    w = everything.w
    mara = await w.actor(w.mara)
    for kind, address in (("webhook", "https://hooks.example.org/mara-s3cret-hook"), ("ntfy", "mara-s3cret")):
        await people.add_contact_method(
            tx, mara, person_id=w.mara, kind=kind, address=address, label="", now=w.now
        )
        everything.secrets[kind] = address
    _, token = await calendars.create_feed(
        tx, mara, kind=FeedKind.SCHEDULE, subject_id=1, made_by=w.mara, now=w.now
    )
    everything.secrets["feed"] = token
    for owner in ({"schedule_id": 1, "use": Use.OVERRIDE}, {"person_id": w.mara, "use": Use.BUSY}):
        where = f"https://calendars.example.org/{owner['use']}-s3cret.ics"
        await calendars.add_import(tx, mara, url=where, now=w.now, **owner)  # type: ignore[arg-type]

        everything.secrets[f"address of {owner['use']}"] = where
    everything.secrets["address that a page went to"] = w.sink.url
    everything.secrets["integration key"] = w.key
    everything.secrets["password hash"] = str(await store.password_hash(tx, w.mara))


async def _incident(tx: Tx, everything: Everything) -> None:
    w = everything.w
    mara = await w.actor(w.mara)
    await incidents.declare(tx, mara, title="Checkout is down", severity=0, page_id=1, now=w.now)
    entry_id = await incidents.add_entry(tx, mara, 1, "finding", "The pool is too small", w.now)
    await entry_actions.attach(tx, mara, 1, entry_id, [NewFile("graph.png", PNG)], w.now)
    for task in ("Watch the lag", "Tell support"):
        await incident_tasks.add_task(tx, mara, 1, task, w.now, owner_id=w.mara)
    for title in ("Alert on pool saturation", "Refuse a deploy that exhausts the pool"):
        await action_items.add_item(tx, mara, title, w.now, incident_id=1, owner_id=w.mara)
    everything.secrets |= await add_trackers(tx, w)
    await incidents.take_role(tx, mara, 1, IncidentRole.SCRIBE, w.mara, w.now)
    await postmortems.start(tx, SYSTEM, 1, w.now)
    await postmortems.add_comment(tx, mara, 1, "summary", "", "Who was affected?", w.now)
    await postmortems.decide_external(tx, mara, 1, True, "", w.now)
    await meetings.start_meeting(tx, mara, 1, 60, w.now)
    await meetings.park_question(tx, mara, 1, "A replica for each region?", w.now)
    barrier = NearMissReport("Pool of 1,000 in review", "No payments", "The review", 1, w.now, "Limit it.")
    await near_misses.report_near_miss(tx, mara, barrier, w.now)
    rule = DeclarationRule(0, "Checkout outage", None, "", 100, 10, 2, is_on=True, created_at=w.now)
    await rule_actions.create_rule(tx, mara, rule, w.now)
    await field_actions.create_field(tx, mara, name="Region", kind=FieldKind.TEXT, now=w.now)
    await field_actions.set_values(tx, mara, 1, {"region": "EU"}, w.now)
    await regulatory.record_fact(tx, mara, 1, "personal_data", Answer.YES, w.now)
    draft = await draft_actions.open_draft(tx, mara, 1, "GDPR-33", w.now)
    await draft_actions.answer_fields(tx, mara, 1, draft.id, {"records": "Names"}, None, w.now)
    await regulatory.add_contract(
        tx,
        mara,
        customer="Nordpost",
        clause="§ 7.2",
        amount=1,
        unit="hours",
        starts_on="declared",
        max_severity=1,
        tz="UTC",
        now=w.now,
    )


async def _status_page(tx: Tx, everything: Everything) -> None:
    w = everything.w
    mara = await w.actor(w.mara)
    page = await status_pages.create_status_page(
        *(tx, mara),
        slug="kestrel",
        name="Kestrel",
        tz="UTC",
        visibility=PageVisibility.PUBLIC,
        component_of=[w.service],
        now=w.now,
    )
    await status_pages.add_group(tx, mara, page.id, "Europe", w.now)
    await _status_copy(tx, everything, page)
    update = NewUpdate(
        Stage.INVESTIGATING, "We are looking.", {}, next_update_at=w.now + timedelta(minutes=30)
    )
    published = await publishing.open_incident(
        tx, mara, page.id, "Checkout is down", update, w.now, incident_id=1
    )
    await tx.execute("update public_incident set public_id = $1 where id = $2", PUBLIC_ID, published.id)
    await step_store.enqueue(tx, page.id, w.now)
    await tx.execute("update status_copy_step set state = 'blocked', error = '422: no'")
    await _hosting(tx, everything, page.id)
    plan = MaintenancePlan(
        *("Database upgrade", "Checkout may pause.", w.now + timedelta(days=8)),
        *(w.now + timedelta(days=8, hours=2), (1,)),
        rule="FREQ=MONTHLY",
        muting=Muting(),
    )
    window = await maintenance.schedule_maintenance(tx, mara, page.id, plan, w.now)
    await tx.execute("update public_incident set public_id = $1 where id = $2", MAINTENANCE_ID, window.id)
    outage = RelabelingRequest(
        1, w.now - timedelta(hours=2), w.now - timedelta(hours=1), ComponentStatus.OPERATIONAL, "No outage."
    )
    await relabeling_store.insert(tx, page.id, "relabeling01", outage, (9990, 10_000), TEST, w.now)
    wanted = SubscriptionRequest(SubscriberChannel.EMAIL, "ops@nordpost.example", FollowScope())
    subscriber = await subscriber_store.insert_subscriber(
        tx, page.id, wanted, wanted.address, "nordpost.example", w.now
    )
    assert subscriber
    await subscriber_store.change(tx, subscriber.id, state="active", confirmed_at=w.now)


async def _hosting(tx: Tx, everything: Everything, page_id: int) -> None:
    """Give a status page a password, a feed key, a host, and a mirror that waits, so that nothing is called."""
    w = everything.w
    mara = await w.actor(w.mara)
    access = {"password_hash": await hosting_actions.password_hash("lanterns over harbor")}
    await hosting_actions.change_access(tx, mara, page_id, access, w.now)
    _, everything.secrets["feed key"] = await hosting_actions.create_feed_key(
        tx, mara, page_id, "Contoso", w.now
    )
    await hosting_actions.change_theme(tx, mara, page_id, {"locales": ["de"]}, w.now)
    claim = await hosting_actions.claim_host(tx, mara, page_id, "status.kestrel.example", frozenset(), w.now)
    await hosting_actions.prove_host(tx, mara, page_id, claim.token, w.now)
    everything.secrets["bucket"] = "s3cret-of-the-bucket"
    await hosting_actions.add_mirror(
        *(tx, mara, page_id),
        url="https://mirror.kestrel.example",
        endpoint="https://s3.kestrel.example",
        region="eu-north-1",
        bucket="kestrel",
        prefix="",
        access_key="AK",
        secret=everything.secrets["bucket"],
        now=w.now,
    )
    await tx.execute("update status_page_mirror set failures = 1, next_at = $1", w.now + timedelta(days=365))


async def _post(tx: Tx, everything: Everything) -> None:
    w = everything.w
    content = PostContent({ReaderKind.INTERNAL: "Failing over."}, ("timeline",))
    revision = await drafts.revision_of(tx, await incidents.incident(tx, 1), w.now)
    await comms.publish(tx, await w.actor(w.mara), 1, content, revision, w.now)


async def _customers(tx: Tx, everything: Everything) -> None:
    w = everything.w
    mara = await w.actor(w.mara)
    customer = await audiences.create_customer(tx, mara, "Nordpost", w.now)
    await audiences.save_contact(tx, mara, customer.id, "ops@nordpost.example", w.now)
    text = AudienceText("customers", "Checkout is down", "We are looking.")
    await audiences.send_post(tx, mara, 1, Moment.FIRST, [text], w.now)


async def _status_copy(tx: Tx, everything: Everything, page: StatusPage) -> None:
    """Connect a copy that is paused, so that nothing is called, and on which something is different."""
    w = everything.w
    key = everything.secrets["status copy key"] = "s3cret-key-of-the-copy"
    mara = await w.actor(w.mara)
    copy = await status_copies.connect(tx, mara, page.id, Provider.STATUSPAGE, "kctbh9vrtdwd", key, w.now)
    await status_copies.pause(tx, mara, page, copy.id, w.now)
    remote = RemoteComponent("8kbf7d35c070", "Checkout", ComponentStatus.OPERATIONAL)
    await copy_store.replace_remote_components(tx, copy.id, [remote])
    observed = ObservedDifference(
        DifferenceKind.STAGE, PUBLIC_ID, "Checkout is down", "Identified", "Resolved"
    )
    await difference_store.replace(tx, copy.id, [observed], [], w.now)


async def _chat(tx: Tx, everything: Everything) -> None:
    """Connect a workspace that is paused, so that nothing is called, with a message that could not be sent."""
    w = everything.w
    token = "xoxb-s3cret-of-the-workspace"
    everything.secrets["chat token"] = token
    connection = Connection(ChatKind.SLACK, "T1", "Kestrel", "http", scopes=("chat:write", "commands"))
    secrets = AccountSecrets(bot_token=token, signing_secrets=("5ec2e7",))
    account = await accounts.connect(tx, TEST, connection, secrets, "pace", "UTC", w.now)
    await accounts.pause(tx, TEST, account.id, w.now)
    settings = AccountSettings(
        rules=(AnnouncementRule("C1", "incidents"),), groups=(OncallGroup("S1", "payments", (1,)),)
    )
    await accounts.set_settings(tx, TEST, account.id, settings, w.now)
    key = "inc-1/e-1"
    await object_store.begin(tx, account.id, "inc-1", [key], ["h"], "C1", "n", w.now)
    await object_store.failed(
        tx, account.id, [key], ObjectState.DEAD, "not_allowed", retry_at=None, now=w.now
    )
    room = await chat_store.want_room(tx, account.id, 1, private=False)
    await chat_store.change_room(tx, room.id, state="lost", external_id="C9", name="incident-1")
    await comparison_queue_store.want(tx, "inc-1", 1, w.now)


@asynccontextmanager
async def everything(dsn: str, clock: FakeClock) -> AsyncIterator[Everything]:
    """Yield the organization with a page, an incident, and something of every kind in it."""
    async with world(dsn, clock, metrics_networks=parse_networks("127.0.0.0/8")) as w:
        made = Everything(w)
        await _people(made)
        await send_alerts(w)
        await w.settle()
        async with w.ctx.db.tx() as tx:
            await _secrets(tx, made)
            await add_silence(tx, w)
            await add_dependency(tx, w)
            made.secrets |= await add_webhook(tx, w)
            await _incident(tx, made)
            await add_drills(tx, w)
            await _chat(tx, made)
            made.secrets |= await add_runbooks(tx, w, RUNBOOK)
            await _status_page(tx, made)
            await _post(tx, made)
            await _customers(tx, made)
            await add_audit(tx, w.now)
            await add_anomaly(tx, w)
            await start_run(tx, w)
            await add_shifts(tx, w)
            await add_heartbeat(tx, w)
            made.secrets |= await add_self_watch(tx, w)
            await add_routing(tx, w)
            await add_policy_version(tx, w, SLUGS["policies"])
        yield made
