"""The API of anomalies: what is watched, back-tests, and what was unusual."""

from datetime import datetime
from typing import Annotated

from fastapi import Query
from pydantic import ConfigDict, Field

from firebell.anomalies import actions, queries
from firebell.anomalies.backtest import Backtest
from firebell.anomalies.bins import BinSize, start_of
from firebell.anomalies.detection import JudgedBin
from firebell.anomalies.model import Anomaly, AnomalyTotals, DetectorState, StoredAnomaly
from firebell.anomalies.queries import DetectorDetails, WatchedSeries
from firebell.catalog import actions as catalog
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, Instant, PageParams, QueryBool, Text, problems
from firebell.metrics.model import RULE_MAX_CHARS
from firebell.people import actions as people
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work

router = api.router("anomalies", "/anomalies")

Reader = Annotated[Work, work(Verb.ANOMALY_READ)]
Writer = Annotated[Work, work(Verb.ANOMALY_WRITE)]
BinMinutes = Annotated[int, Field(description="15 or 60")]
RuleName = Annotated[
    Text, Field(max_length=RULE_MAX_CHARS, description="a rule; blank for all alerts of the service")
]
RuleQuery = Annotated[
    Text, Query(max_length=RULE_MAX_CHARS, description="a rule; blank for all alerts of the service")
]


class AnomalyPeriod(ApiOutput):
    """An unusual number of alerts; its numbers are those of its highest bin."""

    bin_minutes: BinMinutes
    began_at: Annotated[datetime, Field(description="start of the first unusual bin")]
    fired_at: datetime
    cleared_at: datetime | None
    peak_at: Annotated[datetime, Field(description="start of the highest bin")]
    count: Annotated[int, Field(description="alerts that began in the highest bin")]
    median: float | None
    usual_low: int | None
    usual_high: int | None
    score: Annotated[float | None, Field(description="null while Firebell was learning what is usual")]


class AnomalyShown(AnomalyPeriod):
    """An anomaly as it happened."""

    id: int
    service: Annotated[str, Field(description="slug")]
    rule: Annotated[str, Field(description="blank for all alerts of the service")]
    is_urgent: Annotated[bool, Field(description="true if its alert had high urgency")]


class DetectorShown(ApiOutput):
    """A service, or one rule of it, and whether the number of its alerts is watched."""

    service: Annotated[str, Field(description="slug")]
    service_name: str
    rule: Annotated[str, Field(description="blank for all alerts of the service")]
    state: DetectorState
    is_firing: bool
    alerts: Annotated[int | None, Field(description="in the last 30 days; null for a rule")]
    anomalies: Annotated[int, Field(description="in the last 30 days")]
    accepted_at: datetime | None
    accepted_by: str | None


class AnomalyTotalsShown(ApiOutput):
    """Totals of a period; anomalies that overlap share a page."""

    days: int
    anomalies: int
    pages: int
    false_pages: Annotated[
        int, Field(description="pages without an incident, and without a page that someone acted on")
    ]
    incidents: int
    led: Annotated[int, Field(description="incidents that a page came before")]
    lead_minutes_median: int | None


class AnomalyLead(ApiOutput):
    """An incident near an anomaly."""

    ref: str
    lead_minutes: Annotated[int, Field(description="negative if the incident was detected first")]


class ReplayedAnomalyShown(AnomalyPeriod):
    """An anomaly of a back-test, with what came with it."""

    incidents: list[AnomalyLead]
    acted_pages: Annotated[int, Field(description="pages of the service that someone acted on meanwhile")]
    is_false: Annotated[bool, Field(description="it is over, and nothing came with it")]


class BacktestBin(ApiOutput):
    """A bin of a back-test."""

    start: datetime
    bin_minutes: BinMinutes
    count: int
    usual_low: int | None
    usual_high: int | None
    score: float | None
    is_unusual: bool


class BacktestShown(ApiOutput):
    """What a detector would have done in the last 30 days."""

    start: datetime
    end: datetime
    begins_at: Annotated[datetime, Field(description="when the counts of the series begin")]
    time_zone: str
    can_be_accepted: Annotated[bool, Field(description="false with counts of less than two weeks")]
    totals: AnomalyTotalsShown
    anomalies: list[ReplayedAnomalyShown]
    learning_bins: int
    unjudged_bins: int
    bins: Annotated[list[BacktestBin], Field(description="empty unless asked for; without unjudged ones")]


class DetectorDetailsShown(ApiOutput):
    """A detector with its back-test, and that back-test which was accepted beside what happened since."""

    service: Annotated[str, Field(description="slug")]
    rule: str
    state: DetectorState
    backtest: Annotated[BacktestShown | None, Field(description="null if no alert was counted yet")]
    accepted_at: datetime | None
    accepted_by: str | None
    predicted: Annotated[AnomalyTotalsShown | None, Field(description="of the accepted back-test")]
    actual: Annotated[AnomalyTotalsShown | None, Field(description="since it was accepted")]
    rules: Annotated[list[str], Field(description="the rules of the service that fired most often")]


class DetectorChoice(ApiInput):
    """The rule to watch."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"rule": "DiskAlmostFull"}]})

    rule: RuleName = ""


class BacktestAcceptance(DetectorChoice):
    """The back-test to accept."""

    until: Annotated[
        Instant | None,
        Field(
            description="its end, at most a day ago; null for that of now", examples=["2026-11-29T11:00:00Z"]
        ),
    ] = None


def _period(anomaly: Anomaly) -> dict[str, object]:
    names = AnomalyPeriod.model_fields.keys() - {"bin_minutes"}
    return {**{name: getattr(anomaly, name) for name in names}, "bin_minutes": int(anomaly.bin_size)}


def _anomaly(one: StoredAnomaly) -> AnomalyShown:
    return AnomalyShown.model_validate(
        {
            **_period(one.anomaly),
            "id": one.id,
            "service": one.slug,
            "rule": one.rule,
            "is_urgent": one.is_urgent,
        }
    )


def _detector(row: WatchedSeries) -> DetectorShown:
    accepted = row.detector.accepted if row.detector and row.detector.is_on else None
    return DetectorShown(
        service=row.service.slug,
        service_name=row.service.name,
        rule=row.rule,
        state=row.state,
        is_firing=row.is_running,
        alerts=row.alerts,
        anomalies=row.anomalies,
        accepted_at=accepted.at if accepted else None,
        accepted_by=accepted.label if accepted else None,
    )


def _totals(totals: AnomalyTotals) -> AnomalyTotalsShown:
    return AnomalyTotalsShown(**{name: getattr(totals, name) for name in AnomalyTotalsShown.model_fields})


def _bin(judged: JudgedBin, size: BinSize) -> BacktestBin:
    known = judged.usual
    return BacktestBin(
        start=start_of(judged.number, size),
        bin_minutes=int(size),
        count=judged.count,
        usual_low=known.low if known else None,
        usual_high=known.high if known else None,
        score=round(known.score(judged.count), 2) if known else None,
        is_unusual=judged.is_unusual,
    )


def _backtest(replayed: Backtest, *, bins: bool) -> BacktestShown:
    return BacktestShown(
        start=replayed.start,
        end=replayed.end,
        begins_at=replayed.begins_at,
        time_zone=replayed.tz,
        can_be_accepted=replayed.can_be_accepted,
        totals=_totals(replayed.totals),
        anomalies=[
            ReplayedAnomalyShown.model_validate(
                {
                    **_period(one.anomaly),
                    "incidents": [
                        AnomalyLead(ref=f"INC-{i}", lead_minutes=minutes) for i, minutes in one.outcome.leads
                    ],
                    "acted_pages": one.outcome.acted_pages,
                    "is_false": one.is_false,
                }
            )
            for one in replayed.anomalies
        ],
        learning_bins=sum(size.learning for size in replayed.sizes.values()),
        unjudged_bins=sum(size.unjudged for size in replayed.sizes.values()),
        bins=[
            _bin(judged, size.size)
            for size in replayed.sizes.values()
            for judged in size.bins
            if judged and bins
        ],
    )


def _details(shown: DetectorDetails, *, bins: bool) -> DetectorDetailsShown:
    accepted = shown.detector.accepted if shown.detector and shown.detector.is_on else None
    replayed = shown.replayed.backtest
    return DetectorDetailsShown(
        service=shown.service.slug,
        rule=shown.rule,
        state=shown.state,
        backtest=_backtest(replayed, bins=bins) if replayed else None,
        accepted_at=accepted.at if accepted else None,
        accepted_by=accepted.label if accepted else None,
        predicted=_totals(accepted.totals) if accepted else None,
        actual=_totals(shown.actual) if shown.actual else None,
        rules=[rule for rule, _ in shown.rules],
    )


async def _shown(w: Work, service: str, rule: str, *, bins: bool = False) -> DetectorDetailsShown:
    tz = (await people.person(w.tx, w.person_id)).tz
    return _details(await queries.details(w.tx, service, rule, tz, w.now), bins=bins)


@router.get("", summary="List anomalies of alert counts, newest first", responses=problems(404))
async def list_anomalies(
    w: Reader,
    page_params: PageParams,
    service: Annotated[Text | None, Query(description="slug")] = None,
    firing: Annotated[QueryBool, Query(description="only those that have not cleared")] = False,
) -> list[AnomalyShown]:
    service_id = (await catalog.by_slug(w.tx, service)).id if service is not None else None
    listed = await queries.anomalies(
        w.tx, page_params.limit, page_params.before, service_id=service_id, running=firing
    )
    page_params.link([one.id for one in listed])
    return [_anomaly(one) for one in listed]


@router.get("/detectors", summary="List what is watched for anomalies, and all services")
async def list_anomaly_detectors(w: Reader) -> list[DetectorShown]:
    return [_detector(row) for row in await queries.overview(w.tx, w.now)]


@router.get(
    "/detectors/{service}", summary="Get an anomaly detector with its back-test", responses=problems(404)
)
async def get_anomaly_detector(
    w: Reader,
    service: Text,
    rule: RuleQuery = "",
    bins: Annotated[QueryBool, Query(description="with every bin")] = False,
) -> DetectorDetailsShown:
    return await _shown(w, service, rule, bins=bins)


@router.post(
    "/detectors/{service}/enable",
    summary="Watch a service or a rule for anomalies, with low urgency",
    responses=problems(404, 409),
)
async def enable_anomaly_detector(w: Writer, service: Text, body: DetectorChoice) -> DetectorDetailsShown:
    await actions.enable(w.tx, w.actor, service, body.rule, w.now)
    return await _shown(w, service, body.rule)


@router.post(
    "/detectors/{service}/accept",
    summary="Accept the back-test of an anomaly detector, so that it pages with high urgency",
    responses=problems(404, 409),
)
async def accept_anomaly_backtest(w: Writer, service: Text, body: BacktestAcceptance) -> DetectorDetailsShown:
    await actions.accept(w.tx, w.actor, service, body.rule, w.now, until=body.until)
    return await _shown(w, service, body.rule)


@router.post(
    "/detectors/{service}/disable", summary="Turn an anomaly detector off", responses=problems(404, 409)
)
async def disable_anomaly_detector(w: Writer, service: Text, body: DetectorChoice) -> DetectorDetailsShown:
    await actions.disable(w.tx, w.actor, service, body.rule, w.now)
    return await _shown(w, service, body.rule)
