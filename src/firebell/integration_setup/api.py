"""The setup and the test alert of an integration, over JSON."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import Query, Response
from pydantic import Field

from firebell.alerts import actions as alerts
from firebell.alerts import queries as alert_queries
from firebell.alerts.model import Alert
from firebell.catalog import actions as catalog
from firebell.integration_setup import actions, queries
from firebell.integration_setup.queries import SetupState
from firebell.kit.web.api import ApiInput, ApiOutput, PathId, Text, problems
from firebell.kit.web.api import router as api_router
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work

router = api_router("services")

Reader = Annotated[Work, work(Verb.INTEGRATION_READ)]
Tester = Annotated[Work, work(Verb.PAGE_START)]
Severity = Literal["critical", "error", "warning", "info"]


class IntegrationStatus(ApiOutput):
    """What an integration received first and last; test alerts do not count."""

    state: Annotated[
        SetupState,
        Field(
            description="`waiting`: nothing arrived; `changed`: a change event; `unreadable`: the last message could "
            "not be read, `error` says why"
        ),
    ]
    source: Annotated[str | None, Field(description="the tool that sent the last alert")]
    alert_id: int | None
    title: str | None
    page: str | None
    last_event_at: datetime | None
    error: str | None
    test_alert_id: Annotated[int | None, Field(description="the test alert that fires now")]


class TestPreview(ApiOutput):
    """What would happen to a test alert; no one is paged."""

    __test__ = False

    rule: Annotated[
        str | None, Field(description="name of the routing rule that decides; null for the fallback")
    ]
    service: Annotated[str, Field(description="slug of the service that it would belong to")]
    urgency: Literal["high", "low"]
    hold: Annotated[str, Field(description="such as `after 5 min`; `no one`; empty if it pages at once")]
    people: Annotated[list[str], Field(description="who would get a page first now")]


class NewTestAlert(ApiInput):
    """A test alert to send."""

    severity: Severity = "critical"


class AlertUnderTest(ApiOutput):
    """A test alert that fires or was ended."""

    alert_id: int
    title: str
    page: Annotated[str | None, Field(description="its page, which is a drill; null if it paged no one")]
    ends_at: datetime


class SentTestAlert(AlertUnderTest):
    """A test alert that was sent, or one that was firing already."""

    is_new: Annotated[bool, Field(description="false if one was firing already, so that none was sent")]


@router.get(
    "/services/{slug}/integrations/{integration_id}/status",
    summary="Get what an integration received",
    responses=problems(404),
)
async def get_status(w: Reader, slug: Text, integration_id: PathId) -> IntegrationStatus:
    service = await catalog.by_slug(w.tx, slug)
    integration = await alerts.integration_of_service(w.tx, service.id, integration_id)
    progress = await queries.progress(w.tx, integration, w.now)
    newest = progress.newest
    return IntegrationStatus(
        state=progress.state,
        source=progress.source or None,
        alert_id=newest.alert.id if newest else None,
        title=newest.alert.title if newest else None,
        page=newest.page if newest else None,
        last_event_at=newest.alert.last_seen if newest else None,
        error=progress.broken.error if progress.broken else None,
        test_alert_id=progress.test.alert.id if progress.test else None,
    )


@router.get(
    "/services/{slug}/integrations/{integration_id}/test",
    summary="Preview a test alert of an integration; no one is paged",
    responses=problems(404),
)
async def preview_test(
    w: Reader, slug: Text, integration_id: PathId, severity: Annotated[Severity, Query()] = "critical"
) -> TestPreview:
    service = await catalog.by_slug(w.tx, slug)
    integration = await alerts.integration_of_service(w.tx, service.id, integration_id)
    preview = await queries.preview_of_test(w.tx, integration, service, severity, w.now)
    return TestPreview(
        rule=preview.rule.name if preview.rule else None,
        service=preview.service_slug,
        urgency="high" if preview.urgency == "high" else "low",
        hold=preview.hold,
        people=list(preview.people),
    )


async def _shown(w: Work, alert: Alert) -> AlertUnderTest:
    (details,) = await alert_queries.alert_details(w.tx, [alert])
    return AlertUnderTest(
        alert_id=alert.id,
        title=alert.title,
        page=details.page,
        ends_at=alert.ends_at or alert.starts_at + actions.TEST_LASTS,
    )


@router.post(
    "/services/{slug}/integrations/{integration_id}/test",
    status_code=201,
    summary="Send a test alert of an integration, and page the people on call",
    responses={
        **problems(404),
        200: {"model": SentTestAlert, "description": "The test alert that was firing already; none was sent"},
    },
)
async def send_test(
    w: Tester, slug: Text, integration_id: PathId, body: NewTestAlert, response: Response
) -> SentTestAlert:
    """It ends after 15 minutes. While one fires, no other is sent."""
    service = await catalog.by_slug(w.tx, slug)
    alert, is_new = await actions.send_test_alert(
        w.tx,
        w.actor,
        service_id=service.id,
        integration_id=integration_id,
        severity=body.severity,
        now=w.now,
    )
    if not is_new:
        response.status_code = 200
    return SentTestAlert(**dict(await _shown(w, alert)), is_new=is_new)


@router.post(
    "/services/{slug}/integrations/{integration_id}/test/end",
    summary="End the test alert of an integration, and its page",
    responses=problems(404),
)
async def end_test(w: Tester, slug: Text, integration_id: PathId) -> AlertUnderTest:
    service = await catalog.by_slug(w.tx, slug)
    alert = await actions.end_test_alert(
        w.tx, w.actor, service_id=service.id, integration_id=integration_id, now=w.now
    )
    return await _shown(w, alert)
