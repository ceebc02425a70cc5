"""What is done with services."""

from datetime import datetime

from firebell.catalog import store
from firebell.catalog.model import Service
from firebell.kit.db import Tx
from firebell.kit.errors import Conflict, NotFound
from firebell.kit.events import Actor
from firebell.kit.http_out import check_url
from firebell.kit.text import clean_name, slugify

services = store.services
services_by_id = store.services_by_id


async def by_slug(tx: Tx, slug: str) -> Service:
    """Return the service; raise `NotFound` naming those that exist."""
    found = await store.by_slug(tx, slug)
    if found is None:
        names = ", ".join(s.slug for s in (await store.services(tx))[:20])
        raise NotFound(f"There is no service {slug}.", hint=f"There are: {names or 'none yet'}.")
    return found


async def create_service(
    tx: Tx,
    actor: Actor,
    *,
    name: str,
    team_id: int,
    policy_id: int | None = None,
    description: str = "",
    runbook_url: str = "",
    now: datetime,
) -> Service:
    """Add a service; without a policy its pages go to the catch-all list."""
    clean = clean_name(name, "name")
    made = await store.insert(
        tx,
        clean,
        slugify(clean),
        team_id,
        policy_id,
        description.strip()[:2000],
        check_url(runbook_url) if runbook_url.strip() else "",
        now,
    )
    if made is None:
        raise Conflict(f"There is already a service {clean}.", fields={"name": "This name is taken."})
    await tx.audit(actor, "service.created", f"service:{made.id}", now, name=clean)
    return made


async def set_policy(tx: Tx, actor: Actor, *, service_id: int, policy_id: int | None, now: datetime) -> None:
    """Choose who is paged for the service from the next page on."""
    await store.set_policy(tx, service_id, policy_id)
    await tx.audit(actor, "service.policy", f"service:{service_id}", now, policy=policy_id)
