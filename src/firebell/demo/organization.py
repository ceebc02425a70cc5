"""Kestrel, the demo organization: three teams, nine people around the world, and their services."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from firebell.alerts import actions as alerts
from firebell.alerts.model import Integration
from firebell.catalog import actions as catalog
from firebell.catalog.model import ServiceLink
from firebell.kit.db import org_settings
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.oncall.model import Layer, Unit, Window
from firebell.oncall.schedules import actions as oncall
from firebell.paging import actions as paging
from firebell.paging.level_conditions import Conditions, Hours
from firebell.paging.model import Level, Strategy, Target, TargetKind
from firebell.people import actions as people
from firebell.people.model import URGENCIES

PASSWORD = "lanterns over harbor"  # noqa: S105 - printed at the start, for a loopback address
ADMIN = "mara@kestrel.example"
_ACTOR = Actor("system", "Demo")
_EVERY_DAY = frozenset(range(7))

PEOPLE = (
    ("Mara Lindqvist", ADMIN, "admin", "Europe/Stockholm"),
    ("Tomás Rivera", "tomas@kestrel.example", "responder", "Europe/Madrid"),
    ("Priya Nair", "priya@kestrel.example", "responder", "Europe/London"),
    ("Jun Okafor", "jun@kestrel.example", "responder", "Europe/London"),
    ("Aiko Tanaka", "aiko@kestrel.example", "responder", "Asia/Tokyo"),
    ("Lena Fischer", "lena@kestrel.example", "responder", "Europe/London"),
    ("Sam Whitfield", "sam@kestrel.example", "responder", "America/New_York"),
    ("Noor Haddad", "noor@kestrel.example", "responder", "Europe/Berlin"),
    ("Ewa Kowalska", "ewa@kestrel.example", "manager", "Europe/Warsaw"),
)
SERVICES = (
    ("checkout-api", "Payments"),
    ("payments-gateway", "Payments"),
    ("ledger-db", "Payments"),
    ("edge", "Platform"),
    ("kubernetes", "Platform"),
    ("notifications", "Platform"),
    ("search", "Search"),
    ("catalog", "Search"),
)
ABOUT = {
    "checkout-api": (1, "Takes the cart, charges the card and creates the order.", {"pci": "yes"}),
    "payments-gateway": (1, "Talks to the card issuers.", {"pci": "yes"}),
    "ledger-db": (1, "PostgreSQL with all bookings.", {"pci": "yes", "engine": "postgresql"}),
    "edge": (1, "TLS, rate limits and routing of requests.", {}),
    "kubernetes": (1, "The clusters on which everything runs.", {}),
    "notifications": (2, "Sends receipts and order updates.", {}),
    "search": (2, "Finds products by words and filters.", {"engine": "opensearch"}),
    "catalog": (2, "Products, prices and stock.", {}),
}
"""The tier, description and labels of each service; all have a label `region`."""
DEPENDENCIES = {
    "edge": ["kubernetes"],
    "checkout-api": ["edge", "ledger-db", "notifications", "payments-gateway"],
    "payments-gateway": ["kubernetes", "ledger-db"],
    "ledger-db": ["kubernetes"],
    "notifications": ["kubernetes"],
    "search": ["catalog", "edge"],
    "catalog": ["kubernetes", "ledger-db"],
}
"""What each service needs."""


DEMO_NUMBER = "+46701740605"
"""A number that Sweden reserves for films and examples."""
DEMO_TELEGRAM, DEMO_PUSHOVER = "100000042", "uDemoDemoDemoDemoDemoDemoDemo1"
"""Addresses of no one: nothing is sent to them."""


@dataclass(slots=True)
class Kestrel:
    """Ids of people, integrations and services, by name."""

    people: dict[str, int] = field(default_factory=dict)
    integrations: dict[str, Integration] = field(default_factory=dict)
    services: dict[str, int] = field(default_factory=dict)

    def actor(self, first_name: str) -> Actor:
        """Return a person as an actor, by first name."""
        name = next(n for n in self.people if n.startswith(first_name))
        return Actor("person", name, self.people[name])


async def build(tx: Tx, now: datetime, phone: str) -> Kestrel:
    """Create the organization at `now`; every phone is the webhook `phone`."""
    kestrel = Kestrel()
    await org_settings.put(tx, org_settings.ORGANIZATION_NAME, "Kestrel")
    for name, email, role, tz in PEOPLE:
        password_hash = await people.hash_secret(PASSWORD) if email == ADMIN else None
        person = await people.create_person(
            tx, _ACTOR, name=name, email=email, role=role, tz=tz, password_hash=password_hash, now=now
        )
        kestrel.people[name] = person.id
        method = await people.add_contact_method(
            tx, _ACTOR, person_id=person.id, kind="webhook", address=phone, label="phone", now=now
        )
        for one in await people.methods_of(tx, [person.id]):
            await people.mark_method_verified(tx, one.id, now)
        for urgency in URGENCIES:
            rules = [(0, method.id)]
            await people.set_rules(tx, _ACTOR, person_id=person.id, urgency=urgency, rules=rules, now=now)
    mara, ewa = kestrel.people["Mara Lindqvist"], kestrel.people["Ewa Kowalska"]
    night_phone = await _add_unused(tx, mara, "sms", DEMO_NUMBER, "night phone", now)
    await people.set_message_settings(
        tx, _ACTOR, method_id=night_phone, person_id=mara, privacy="title_hidden", now=now
    )
    await _add_unused(tx, mara, "telegram", DEMO_TELEGRAM, "@mara_lindqvist", now)
    await _add_unused(tx, ewa, "pushover", DEMO_PUSHOVER, "", now)
    await people.set_fallback_responders(
        tx, _ACTOR, [kestrel.people["Mara Lindqvist"], kestrel.people["Ewa Kowalska"]], now
    )
    await _payments(tx, kestrel, now)
    await _platform(tx, kestrel, now)
    await _search(tx, kestrel, now)
    await catalog.import_dependencies(tx, _ACTOR, DEPENDENCIES, now)
    return kestrel


async def _add_unused(tx: Tx, person_id: int, kind: str, address: str, label: str, now: datetime) -> int:
    """Add a contact method that the demo has no provider for, without a rule, and return its id.

    The page of contact methods says what to set.
    """
    method = await people.add_contact_method(
        tx, _ACTOR, person_id=person_id, kind=kind, address=address, label=label, now=now
    )
    await people.mark_method_verified(tx, method.id, now)
    rules = await people.rules_of(tx, [person_id], "high")
    kept = [(rule.delay_s, rule.method.id) for rule in rules[person_id] if rule.method.id != method.id]
    await people.set_rules(tx, _ACTOR, person_id=person_id, urgency="high", rules=kept, now=now)
    return method.id


async def _team(tx: Tx, kestrel: Kestrel, name: str, members: tuple[str, ...], now: datetime) -> int:
    ids = [(kestrel.people[m], "member") for m in members]
    manager = (kestrel.people["Ewa Kowalska"], "manager")
    return (await people.create_team(tx, _ACTOR, name=name, members=[*ids, manager], now=now)).id


async def _policy(
    tx: Tx, kestrel: Kestrel, team: str, team_id: int, targets: list[Target], now: datetime
) -> None:
    levels = [Level((target,), 300) for target in targets]
    levels.append(Level((Target(TargetKind.TEAM, team_id),), 600))
    first = await paging.create_policy(
        tx, _ACTOR, name=f"{team} critical", team_id=team_id, levels=levels[-1:], repeat=1, now=now
    )
    policy = await paging.update_policy(
        tx,
        kestrel.actor("Ewa"),
        first,
        replace(first.plan, levels=tuple(levels), repeat=2),
        now=now + timedelta(hours=2),
    )
    for name, owner in SERVICES:
        if owner == team:
            tier, description, labels = ABOUT[name]
            service = await catalog.create_service(
                tx,
                _ACTOR,
                name=name,
                team_id=team_id,
                policy_id=policy.id,
                tier=tier,
                description=description,
                labels={"region": "eu-north", **labels},
                links=[ServiceLink("Repository", f"https://git.kestrel.example/{name}")],
                runbook_url=f"https://runbooks.kestrel.example/{name}",
                now=now,
            )
            kestrel.services[name] = service.id
            kestrel.integrations[name] = await alerts.create_integration(
                tx, _ACTOR, service_id=service.id, name="Alertmanager", now=now
            )


def _weekly(names: list[int], anchor: datetime, tz: str, offset: int = 0) -> Layer:
    return Layer(
        id=0,
        slots=tuple((i,) for i in names),
        anchor=anchor,
        unit=Unit.WEEK,
        every=1,
        tz=tz,
        offset=offset,
        name="Rotation",
    )


def _monday(now: datetime) -> datetime:
    day = now.replace(tzinfo=None, hour=9, minute=0, second=0, microsecond=0)
    return day - timedelta(days=day.weekday() + 7)


async def _schedule(tx: Tx, team_id: int, name: str, tz: str, layers: list[Layer], now: datetime) -> Target:
    schedule = await oncall.create_schedule(
        tx, _ACTOR, name=name, team_id=team_id, tz=tz, layers=layers, now=now
    )
    return Target(TargetKind.SCHEDULE, schedule.id)


async def _payments(tx: Tx, kestrel: Kestrel, now: datetime) -> None:
    members = ("Tomás Rivera", "Priya Nair", "Jun Okafor", "Mara Lindqvist")
    team = await _team(tx, kestrel, "Payments", members, now)
    rotation = [kestrel.people[m] for m in members]
    tz = "Europe/Stockholm"
    first = await _schedule(tx, team, "Payments primary", tz, [_weekly(rotation, _monday(now), tz)], now)
    second = await _schedule(
        tx, team, "Payments secondary", tz, [_weekly(rotation, _monday(now), tz, 1)], now
    )
    await _policy(tx, kestrel, "Payments", team, [first, second], now)
    await _turns(tx, team, second, tz, now)


async def _turns(tx: Tx, team_id: int, on_call: Target, tz: str, now: datetime) -> None:
    """Create a policy that is round robin by day, pages the person on call otherwise, and then needs two people."""
    team = (Target(TargetKind.TEAM, team_id),)
    office = Hours((0, 1, 2, 3, 4), 9 * 60, 17 * 60)
    levels = [
        Level(team, 600, Strategy.ROUND_ROBIN, conditions=Conditions(hours=office)),
        Level((on_call,), 300, conditions=Conditions(hours=replace(office, is_outside=True))),
        Level(team, 600, min_acks=2),
    ]
    await paging.create_policy(
        tx, _ACTOR, name="Payments by turns", team_id=team_id, levels=levels, repeat=1, tz=tz, now=now
    )


async def _platform(tx: Tx, kestrel: Kestrel, now: datetime) -> None:
    members = ("Aiko Tanaka", "Lena Fischer", "Sam Whitfield")
    team = await _team(tx, kestrel, "Platform", members, now)
    regions = (
        ("Tokyo", "Asia/Tokyo", 9),
        ("London", "Europe/London", 8),
        ("New York", "America/New_York", 11),
    )
    layers = [
        Layer(
            id=0,
            slots=((kestrel.people[member],),),
            anchor=_monday(now),
            unit=Unit.WEEK,
            every=1,
            tz=tz,
            windows=(Window(hour * 60, 9 * 60, _EVERY_DAY),),
            name=name,
        )
        for member, (name, tz, hour) in zip(members, regions, strict=True)
    ]
    sun = await _schedule(tx, team, "Platform, follow the sun", "UTC", layers, now)
    await _policy(tx, kestrel, "Platform", team, [sun], now)


async def _search(tx: Tx, kestrel: Kestrel, now: datetime) -> None:
    members = ("Noor Haddad", "Lena Fischer")
    team = await _team(tx, kestrel, "Search", members, now)
    rotation, tz = [kestrel.people[m] for m in members], "Europe/Berlin"
    search = await _schedule(tx, team, "Search", tz, [_weekly(rotation, _monday(now), tz)], now)
    await _policy(tx, kestrel, "Search", team, [search], now)
