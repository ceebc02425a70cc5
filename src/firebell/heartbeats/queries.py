"""Read models of heartbeats, shared by web and API."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

import msgspec

from firebell.catalog import actions as catalog
from firebell.catalog.model import Service
from firebell.heartbeats import actions, alert_events, rules
from firebell.heartbeats.model import INSTALLATION_AGENT, Heartbeat, HeartbeatState, Ping, Reception
from firebell.kit.db.database import Reads, Tx
from firebell.kit.errors import Invalid
from firebell.kit.findings import Finding, FindingLevel
from firebell.kit.http_out import check_url

ADDRESS_MAX_CHARS = 200


class _OutboundBody(msgspec.Struct):
    address: str = msgspec.field(name="from", default="")


_GLYPHS = {
    HeartbeatState.NEW: "idle",
    HeartbeatState.UP: "ok",
    HeartbeatState.LATE: "warn",
    HeartbeatState.DOWN: "firing",
}
_ORDER = {"firing": 0, "warn": 1, "idle": 2, "ok": 3}


@dataclass(frozen=True, slots=True)
class HeartbeatView:
    """A heartbeat with its service, and what is expected of it at an instant."""

    heartbeat: Heartbeat
    service: Service
    expected_at: datetime | None
    deadline: datetime | None
    """When a missing ping pages; None if it pages already."""
    repeats_at: datetime | None
    """When what fires is reported again; None if nothing does."""
    findings: Sequence[Finding]

    @property
    def glyph(self) -> str:
        """The shape that stands for the state."""
        if self.heartbeat.is_paused:
            return "idle"
        return "firing" if self.heartbeat.is_expired else _GLYPHS[self.heartbeat.progress.state]

    @property
    def state_text(self) -> str:
        """The state as people read it."""
        return alert_events.state_text(self.heartbeat)

    @property
    def rhythm(self) -> str:
        """When pings are expected, as a sentence begins."""
        text = alert_events.rhythm(self.heartbeat)
        return text[:1].upper() + text[1:]

    @property
    def path(self) -> str:
        """The path that receives the pings, with `<key>` for the integration key."""
        return path_of(self.heartbeat)

    @property
    def url(self) -> str:
        """Its screen."""
        return f"/heartbeats/{self.heartbeat.id}"


def path_of(heartbeat: Heartbeat) -> str:
    """Return the path that receives the pings, with `<key>` for the integration key."""
    return f"/in/<key>/heartbeat/{quote(heartbeat.name, safe='')}"


def findings(heartbeats: Sequence[Heartbeat], now: datetime) -> dict[int, list[Finding]]:
    """Return the findings of heartbeats by id (A-NOPING)."""
    return {
        each.id: [
            Finding(
                f"A-NOPING:{each.id}",
                "A-NOPING",
                FindingLevel.WARNING,
                f"{each.name} has not sent a ping since it was created more than a day ago.",
                subject=f"heartbeat:{each.id}",
                advice="Make the job send its ping, or delete the heartbeat.",
            )
        ]
        for each in rules.never_pinged(heartbeats, now)
    }


async def views(tx: Tx, heartbeats: Sequence[Heartbeat], now: datetime) -> list[HeartbeatView]:
    """Return heartbeats with their services, those that need someone first."""
    if not heartbeats:
        return []
    services = await catalog.services_by_id(tx, sorted({each.service_id for each in heartbeats}))
    listening, problems = await actions.reception(tx), findings(heartbeats, now)
    unordered = [
        _view(each, services[each.service_id], listening, problems.get(each.id, ()), now)
        for each in heartbeats
    ]
    return sorted(unordered, key=lambda view: _ORDER.get(view.glyph, 2))


def _view(
    each: Heartbeat, service: Service, listening: Reception | None, problems: Sequence[Finding], now: datetime
) -> HeartbeatView:
    is_down = each.progress.state is HeartbeatState.DOWN
    deadline = None if is_down else rules.deadline(each, listening, now)
    repeats_at = rules.repeat_at(each, listening, now)
    return HeartbeatView(each, service, rules.expected_at(each), deadline, repeats_at, problems)


async def view(tx: Tx, heartbeat_id: int, now: datetime) -> HeartbeatView:
    """Return a heartbeat with its service; raise NotFound if there is none."""
    (shown,) = await views(tx, [await actions.heartbeat(tx, heartbeat_id)], now)
    return shown


async def of_service(tx: Tx, service_id: int, now: datetime) -> list[HeartbeatView]:
    """Return the heartbeats of a service."""
    return await views(tx, await actions.heartbeats(tx, service_id), now)


@dataclass(frozen=True, slots=True)
class WatchedInstallation:
    """A heartbeat that another installation of Firebell sends; `address` is what it says of itself, or empty."""

    view: HeartbeatView
    address: str


async def watched_installations(tx: Tx, now: datetime) -> list[WatchedInstallation]:
    """Return the heartbeats whose newest ping is an outbound heartbeat of Firebell, those that need someone first."""
    sources = [f"{method} {INSTALLATION_AGENT}" for method in ("POST", "GET")]
    bodies = await actions.newest_bodies(tx, sources)
    if not bodies:
        return []
    watched = [each for each in await actions.heartbeats(tx) if each.id in bodies]
    return [
        WatchedInstallation(each, sender_address(bodies[each.heartbeat.id]))
        for each in await views(tx, watched, now)
    ]


def sender_address(body: str) -> str:
    """Return the web address that the body of an outbound heartbeat names, empty without one (pure)."""
    try:
        address = msgspec.json.decode(body, type=_OutboundBody).address
        return check_url(address) if len(address) <= ADDRESS_MAX_CHARS else ""
    except (msgspec.MsgspecError, RecursionError, Invalid):
        return ""


async def pings(tx: Reads, heartbeat_id: int, limit: int) -> list[Ping]:
    """Return the newest pings of a heartbeat."""
    return await actions.pings(tx, heartbeat_id, None, limit)
