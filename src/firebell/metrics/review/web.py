"""The screen of the quarterly review, and its Markdown."""

from fastapi import Response

from firebell.kit.errors import FirebellError
from firebell.kit.web import html, routing
from firebell.kit.web.file_names import disposition
from firebell.metrics.presentation import wording
from firebell.metrics.review import document, quarters, queries
from firebell.people import actions as people
from firebell.people import route_access
from firebell.people.permissions import Verb, allows
from firebell.people.unit_of_work import CurrentVisit
from firebell.readiness import actions as readiness

router = routing.html_router()


@router.get("/metrics/review", dependencies=route_access.needs(Verb.METRICS_READ))
async def quarterly_review(
    visit: CurrentVisit,
    quarter: str = "",
    team: str = "",
    format: str = "",  # noqa: A002 - the name of the parameter
) -> Response:
    review, error = None, None
    try:
        with_amounts = allows(visit.rights, Verb.COST_READ)
        review = await queries.review(visit.tx, quarter, team, visit.now, with_amounts=with_amounts)
    except FirebellError as refused:
        error = refused
    if review and format == "md":
        name = f"firebell-review-{review.quarter}{f'-{team}' if team else ''}.md"
        headers = {**html.HEADERS, "Content-Disposition": disposition(name)}
        text = document.markdown(review, visit.ctx.public_url)
        return Response(text, headers=headers, media_type="text/markdown; charset=utf-8")
    if review:
        await readiness.record_metrics_view(visit.tx, visit.actor, visit.now)
    context = {
        "nav": "metrics",
        "review": review,
        "error": error,
        "team": team,
        "teams": [(each.slug, each.name) for each in await people.teams(visit.tx)],
        "quarters": [(name, name) for name in quarters.offered(visit.now)],
        "w": wording,
        "trend_names": document.TREND_NAMES,
        "target_names": document.TARGET_NAMES,
    }
    return await html.render(visit.request, "metrics/review.html", context)
