"""The quarterly review over JSON."""

from datetime import date
from typing import Annotated, Literal

from fastapi import Query
from pydantic import Field

from firebell.kit.web import api
from firebell.kit.web.api import ApiOutput, Text, problems
from firebell.metrics.business_impact.api import ImpactShown, MoneyShown, impact, money
from firebell.metrics.review import document, queries
from firebell.people.permissions import Verb, allows
from firebell.people.unit_of_work import Work, work

router = api.router("metrics")

Reader = Annotated[Work, work(Verb.METRICS_READ)]
TrendName = Annotated[
    Literal["better", "worse", "higher", "lower", "none", "too_few", "untested"],
    Field(description="since the quarter before; `none` is no detectable change"),
]


class ReviewLineShown(ApiOutput):
    """One metric of a review, as people read it; `/metrics/{metric}` has its numbers."""

    metric: Annotated[str, Field(examples=["resolve"])]
    title: str
    n: Annotated[int, Field(description="cases that count")]
    now: str
    interval: Annotated[str, Field(description="95% interval, blank without one")]
    before: str
    trend: TrendName
    target: Literal["none", "too_few", "met", "missed"]
    levers: Annotated[list[str], Field(description="what would move it")]
    handbook: Annotated[str, Field(description="the chapter of the handbook about it")]
    notes: Annotated[list[str], Field(description="changes of its definition in the two quarters")]


class ReviewSeverityShown(ApiOutput):
    """The incidents of one severity; chance alone gives from `low` to `high`."""

    severity: int
    count: int
    low: float
    high: float
    before_count: int
    trend: TrendName


class ReviewFactorShown(ApiOutput):
    """How many incidents had a contributing factor."""

    factor: Annotated[str, Field(examples=["latent.test"])]
    count: int
    before_count: int


class ReviewRuleShown(ApiOutput):
    """An alert rule that paged people."""

    rule: str
    pages: int
    night_pages: int
    noise: int


class OverdueItemShown(ApiOutput):
    """An action item that is overdue for more than 30 days."""

    item: Annotated[str, Field(examples=["ACT-52"])]
    title: str
    owner: Annotated[str, Field(description="blank without one")]
    days: int


class HeldDrillShown(ApiOutput):
    """A drill that finished in the quarter."""

    drill: Annotated[str, Field(examples=["DRILL-7"])]
    title: str
    day: date
    score: Annotated[int | None, Field(description="percent; null if nothing could be decided")]


class ReviewCostShown(ApiOutput):
    """What the incidents of the quarter cost, one entry for each currency."""

    business_impact: list[ImpactShown]
    totals: Annotated[list[MoneyShown], Field(description="time of people and business impact")]
    before_totals: list[MoneyShown]
    unpriced_hours: Annotated[str, Field(description="hours that no rate applies to", examples=["0.00"])]


class ReviewShown(ApiOutput):
    """The trends of a quarter in UTC, compared with the quarter before; private incidents are left out."""

    quarter: Annotated[str, Field(examples=["2026-Q3"])]
    before: Annotated[str, Field(examples=["2026-Q2"])]
    is_over: bool
    team: Annotated[str | None, Field(description="name of the team; null for the whole organization")]
    questions: Annotated[list[str], Field(description="what to decide")]
    metrics: list[ReviewLineShown]
    severities: list[ReviewSeverityShown]
    factors: list[ReviewFactorShown]
    rules: list[ReviewRuleShown]
    overdue: Annotated[list[OverdueItemShown], Field(description="as of now, at most 20")]
    cost: Annotated[
        ReviewCostShown | None, Field(description="null for readers who may not see what incidents cost")
    ]
    drills: list[HeldDrillShown]
    readiness: Annotated[int | None, Field(description="score of the organization at the end, of 100")]
    before_readiness: int | None
    markdown: Annotated[str, Field(description="the whole document")]


@router.get(
    "/metrics-review",
    summary="Get the trends of a quarter, with what to decide",
    responses=problems(404, 422),
)
async def get_metrics_review(
    w: Reader,
    quarter: Annotated[
        Text | None, Query(description="such as 2026-Q3; default: the last one that is over")
    ] = None,
    team: Annotated[Text | None, Query(description="slug of a team")] = None,
) -> ReviewShown:
    with_amounts = allows(w.rights, Verb.COST_READ)
    review = await queries.review(w.tx, quarter or "", team or "", w.now, with_amounts=with_amounts)
    return ReviewShown(
        quarter=review.quarter,
        before=review.quarter_before,
        is_over=review.is_over,
        team=review.team or None,
        questions=list(review.questions),
        metrics=[
            ReviewLineShown.model_validate(
                {
                    "metric": each.slug,
                    "title": each.title,
                    "n": each.n,
                    "now": each.now,
                    "interval": each.range,
                    "before": each.before,
                    "trend": each.trend,
                    "target": each.target,
                    "levers": list(each.levers),
                    "handbook": each.handbook,
                    "notes": list(each.notes),
                }
            )
            for each in review.lines
        ],
        severities=[
            ReviewSeverityShown.model_validate(
                {
                    "severity": each.severity,
                    "count": each.now,
                    "low": round(each.low, 3),
                    "high": round(each.high, 3),
                    "before_count": each.before,
                    "trend": each.trend,
                }
            )
            for each in review.severities
        ],
        factors=[
            ReviewFactorShown(factor=each.code, count=each.now, before_count=each.before)
            for each in review.factors
        ],
        rules=[
            ReviewRuleShown(rule=each.rule, pages=each.pages, night_pages=each.nights, noise=each.noise)
            for each in review.rules
        ],
        overdue=[
            OverdueItemShown(item=each.ref, title=each.title, owner=each.owner, days=each.days)
            for each in review.overdue
        ],
        cost=ReviewCostShown(
            business_impact=[impact(one) for one in review.cost.impacts],
            totals=[money(one) for one in review.cost.totals],
            before_totals=[money(one) for one in review.cost.totals_before],
            unpriced_hours=f"{review.cost.unpriced_s / 3600:.2f}",
        )
        if review.cost
        else None,
        drills=[
            HeldDrillShown(drill=each.ref, title=each.title, day=each.day, score=each.score)
            for each in review.practice.drills
        ],
        readiness=review.practice.readiness,
        before_readiness=review.practice.readiness_before,
        markdown=document.markdown(review, w.ctx.public_url),
    )
