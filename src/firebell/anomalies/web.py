"""The screens of anomalies: what is watched, and the back-test of each detector."""

from datetime import datetime
from typing import Any

from fastapi import Response

from firebell.anomalies import actions, queries, wording
from firebell.anomalies.bins import BinSize
from firebell.anomalies.charts import chart, days
from firebell.anomalies.model import STATE_NAMES, DetectorState, detector_path
from firebell.kit.errors import FirebellError
from firebell.kit.text import to_id
from firebell.kit.web import flash, html, routing
from firebell.people import route_access
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import CurrentVisit, Visit

router = routing.html_router()

STATE_COLORS = {
    DetectorState.OFF: "idle",
    DetectorState.LEARNING: "live",
    DetectorState.LOW: "warn",
    DetectorState.HIGH: "ok",
}


@router.get("/metrics/anomalies", dependencies=route_access.needs(Verb.ANOMALY_READ))
async def anomalies(visit: CurrentVisit, before: str = "") -> Response:
    listed = await queries.anomalies(visit.tx, queries.ANOMALIES_LISTED + 1, to_id(before))
    shown = listed[: queries.ANOMALIES_LISTED]
    context = {
        "nav": "metrics",
        "live": actions.LIVE_TOPIC,
        "rows": await queries.overview(visit.tx, visit.now) if not to_id(before) else [],
        "listed": shown,
        "w": wording,
        "before": to_id(before),
        "older": f"/metrics/anomalies?before={shown[-1].id}" if len(listed) > len(shown) else "",
        "path_of": detector_path,
        "state_names": STATE_NAMES,
        "state_colors": STATE_COLORS,
    }
    return await html.render(visit.request, "anomalies/anomalies.html", context)


@router.get("/metrics/anomalies/{service}", dependencies=route_access.needs(Verb.ANOMALY_READ))
async def detector(visit: CurrentVisit, service: str, rule: str = "", size: str = "") -> Response:
    return await _detector(visit, service, rule, size_minutes=size)


async def _detector(
    visit: Visit, slug: str, rule: str, *, size_minutes: str = "", error: FirebellError | None = None
) -> Response:
    shown = await queries.details(visit.tx, slug, rule.strip(), visit.person.tz, visit.now)
    backtest = shown.replayed.backtest
    size = BinSize.HOUR if size_minutes == str(int(BinSize.HOUR)) else BinSize.QUARTER
    path = detector_path(slug, shown.rule)
    context: dict[str, Any] = {
        "nav": "metrics",
        "live": actions.LIVE_TOPIC,
        "shown": shown,
        "detector": shown.detector if shown.detector and shown.detector.is_on else None,
        "backtest": backtest,
        "incidents": shown.replayed.incidents,
        "chart": chart(backtest.sizes[size], backtest.tz) if backtest else None,
        "days": days(backtest.sizes[size], backtest.tz) if backtest else [],
        "size": size,
        "sizes": [(one, f"{path}{'&' if shown.rule else '?'}size={int(one)}#bins") for one in BinSize],
        "path": path,
        "path_of": detector_path,
        "w": wording,
        "state_names": STATE_NAMES,
        "state_colors": STATE_COLORS,
        "compared_after": queries.COMPARED_AFTER,
        "error": error,
    }
    return await html.render(visit.request, "anomalies/detector.html", context)


@router.post("/metrics/anomalies/{service}/enable", dependencies=route_access.needs(Verb.ANOMALY_WRITE))
async def enable(visit: CurrentVisit, service: str) -> Response:
    rule = visit.text("rule")
    try:
        async with visit.tx.savepoint():
            await actions.enable(visit.tx, visit.actor, service, rule, visit.now)
    except FirebellError as error:
        return await _detector(visit, service, rule, error=error)
    return flash.redirect(
        visit.request, detector_path(service, rule), "Detection is on. Its pages have low urgency."
    )


@router.post("/metrics/anomalies/{service}/accept", dependencies=route_access.needs(Verb.ANOMALY_WRITE))
async def accept(visit: CurrentVisit, service: str) -> Response:
    rule = visit.text("rule")
    try:
        async with visit.tx.savepoint():
            await actions.accept(
                visit.tx, visit.actor, service, rule, visit.now, until=_instant(visit.text("until"))
            )
    except FirebellError as error:
        return await _detector(visit, service, rule, error=error)
    return flash.redirect(
        visit.request, detector_path(service, rule), "Back-test accepted. Its pages have high urgency."
    )


def _instant(text: str) -> datetime | None:
    """Return the instant of a hidden field, None for one without an offset or no instant at all."""
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return at if at.tzinfo is not None else None


@router.post("/metrics/anomalies/{service}/disable", dependencies=route_access.needs(Verb.ANOMALY_WRITE))
async def disable(visit: CurrentVisit, service: str) -> Response:
    rule = visit.text("rule")
    try:
        async with visit.tx.savepoint():
            await actions.disable(visit.tx, visit.actor, service, rule, visit.now)
    except FirebellError as error:
        return await _detector(visit, service, rule, error=error)
    return flash.redirect(visit.request, detector_path(service, rule), "Detection is off.")
