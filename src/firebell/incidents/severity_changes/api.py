"""The API of the questions of an incident, answered again."""

from typing import Annotated

from pydantic import ConfigDict, Field

from firebell.incidents.severity import Severity
from firebell.incidents.severity_changes import actions as severity_actions
from firebell.kit.references import parse_ref
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, StrictBool, Text, problems
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work

router = api.router("incidents")

Responder = Annotated[Work, work(Verb.INCIDENT_UPDATE)]
MAX_REASON_CHARS = 1000


class NewSeverityAnswers(ApiInput):
    """The four answers; null or left out means not known."""

    down_or_data_at_risk: StrictBool | None = None
    major_degraded: StrictBool | None = None
    workaround: StrictBool | None = None
    customers_impacted: StrictBool | None = None


class NewAnswers(ApiInput):
    """NewSeverityAnswers that confirm the severity at the same level, or change it to their result."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"answers": {"down_or_data_at_risk": True}, "reason": ""}]}
    )

    answers: NewSeverityAnswers
    reason: Annotated[Text, Field(max_length=MAX_REASON_CHARS)] = ""


class ClassificationShown(ApiOutput):
    """The severity that an incident has after its questions were answered."""

    severity: str
    provisional: bool
    answers: dict[str, bool | None]


@router.post(
    "/incidents/{ref}/answers",
    summary="Answer the questions of the severity again",
    responses=problems(404, 409),
)
async def answer_questions(w: Responder, ref: Text, body: NewAnswers) -> ClassificationShown:
    answers = body.answers.model_dump(exclude_unset=True)
    incident = await severity_actions.reclassify(
        w.tx, w.actor, parse_ref("INC", ref), answers, body.reason, w.now
    )
    return ClassificationShown(
        severity=Severity(incident.severity).name,
        provisional=incident.provisional,
        answers=incident.answers,
    )
