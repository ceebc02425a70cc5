"""What the organization does not say in public: customers who are not named, and internal domains."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import urlsplit

from firebell.kit.db import org_settings
from firebell.kit.db.database import Tx
from firebell.kit.db.events import Actor
from firebell.kit.errors import Invalid
from firebell.kit.text import clean_name
from firebell.people import actions as people
from firebell.people.action_permissions import permits
from firebell.people.permissions import Verb
from firebell.postmortems.external.leak_scan import LeakTerms

SETTING = "postmortem_leaks"
CUSTOMERS_MAX, DOMAINS_MAX = 2_000, 200
_DOMAIN = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


@dataclass(frozen=True, slots=True)
class LeakSettings:
    """The customers and domains that a version for customers must not name."""

    customers: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()


async def load(tx: Tx) -> LeakSettings:
    """Return what the organization saved, nothing by default."""
    stored = await org_settings.get(tx, SETTING) or {}
    return LeakSettings(tuple(stored.get("customers", ())), tuple(stored.get("domains", ())))


async def terms(tx: Tx, public_url: str) -> LeakTerms:
    """Return everything that the scan looks for: people, customers, domains and the host of this Firebell."""
    settings = await load(tx)
    everyone = await people.people(tx)
    host = urlsplit(public_url).hostname
    return LeakTerms(
        frozenset(person.name for person in everyone),
        frozenset(person.email.partition("@")[0] for person in everyone),
        frozenset(settings.customers),
        frozenset(settings.domains),
        frozenset({host} if host else ()),
    )


@permits(Verb.INCIDENT_SETTINGS_WRITE)
async def save_leak_settings(
    tx: Tx, actor: Actor, customers: Sequence[str], domains: Sequence[str], now: datetime
) -> LeakSettings:
    """Replace what must not be named in public; raise `Invalid` naming the first entry that cannot be one."""
    names = [clean_name(name, "customers") for name in customers if name.strip()]
    hosts = [domain.strip().lower().strip(".") for domain in domains if domain.strip(" .")]
    for name, listed, limit in (("customers", names, CUSTOMERS_MAX), ("domains", hosts, DOMAINS_MAX)):
        if len(set(listed)) > limit:
            raise Invalid(f"There are too many {name}.", fields={name: f"Enter at most {limit:,}."})
    for host in hosts:
        if not _DOMAIN.fullmatch(host):
            text = f"“{host[:80]}” is not a domain."
            raise Invalid(
                text, fields={"domains": "Enter domains such as corp.example.com, one on each line."}
            )
    settings = LeakSettings(tuple(dict.fromkeys(names)), tuple(dict.fromkeys(hosts)))
    stored = {"customers": list(settings.customers), "domains": list(settings.domains)}
    await org_settings.put(tx, SETTING, stored)
    counts = {name: len(listed) for name, listed in stored.items()}
    await tx.audit(actor, "postmortem.leak_settings", "settings:post-mortems", now, **counts)
    return settings
