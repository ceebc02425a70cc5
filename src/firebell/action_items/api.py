"""The API of action items."""

from datetime import date, datetime
from typing import Annotated, Literal

from fastapi import Query
from pydantic import ConfigDict, Field, StrictBool

from firebell.action_items import actions, list_store, text_limits
from firebell.action_items.model import (
    UNFINISHED,
    ActionItem,
    DueFilter,
    EscalatedTo,
    EvidenceKind,
    ItemFilter,
    ItemKind,
    ItemState,
    Priority,
    Strength,
)
from firebell.incidents import actions as incidents
from firebell.kit.references import parse_ref
from firebell.kit.text import to_choice
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, Id, PageParams, QueryBool, Text, problems
from firebell.people import actions as people
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work

router = api.router("action items", "/action-items")

Reader = Annotated[Work, work(Verb.ACTION_ITEM_READ)]
Writer = Annotated[Work, work(Verb.ACTION_ITEM_WRITE)]
Title = Annotated[
    Text,
    Field(
        min_length=text_limits.TITLE_MIN_CHARS,
        max_length=text_limits.TITLE_MAX_CHARS,
        examples=["Add a timeout to the card tokenizer client"],
    ),
]
Reason = Annotated[Text, Field(max_length=text_limits.REASON_MAX_CHARS)]
Detail = Annotated[Text, Field(max_length=text_limits.DETAIL_MAX_CHARS, description="plain text")]
Day = Annotated[date, Field(examples=["2026-12-14"], description="a working day")]
Ref = Annotated[Text, Field(examples=["ACT-7"], max_length=24)]
Refs = Annotated[list[Ref], Field(min_length=1, max_length=text_limits.BULK_MAX)]


class ActionEvidenceShown(ApiOutput):
    """A link that proves that an item is done."""

    kind: EvidenceKind
    url: str
    label: str


class EvidenceInput(ApiInput):
    """A link that proves that an item is done."""

    kind: EvidenceKind = EvidenceKind.CHANGE
    url: Annotated[
        Text, Field(max_length=text_limits.URL_MAX_CHARS, examples=["https://git.example.org/pay/pull/7"])
    ]
    label: Annotated[Text, Field(max_length=text_limits.LABEL_MAX_CHARS)] = ""


Evidence = Annotated[list[EvidenceInput], Field(max_length=text_limits.EVIDENCE_MAX)]


class ActionItemShown(ApiOutput):
    """An action item."""

    ref: Annotated[str, Field(examples=["ACT-7"])]
    title: str
    detail: str
    incident: Annotated[str | None, Field(examples=["INC-3"])]
    task_id: Annotated[int | None, Field(description="the task of the incident from which it was created")]
    kind: ItemKind
    strength: Strength
    priority: Literal[1, 2, 3]
    owner_id: int | None
    accepted: Annotated[bool, Field(description="false while its owner is only proposed")]
    team_id: int | None
    due: date
    overdue_days: Annotated[int, Field(description="0 if it is not overdue, or no longer open")]
    state: ItemState
    duplicate_of: Annotated[str | None, Field(examples=["ACT-5"])]
    blocked_reason: str
    moved: Annotated[int, Field(description="how often its due day was put off")]
    evidence: list[ActionEvidenceShown]
    without_evidence: Annotated[bool, Field(description="true if it was finished without evidence")]
    source_quote: str
    created_at: datetime
    created_by: str
    done_at: datetime | None
    dropped_reason: str
    risk_accepted_by: str
    escalated_to: EscalatedTo
    escalated_at: datetime | None
    version: int


class NewActionItem(ApiInput):
    """An action item to add."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"title": "Add a timeout to the card tokenizer client", "incident": "INC-1"}]
        }
    )

    title: Title
    detail: Detail = ""
    incident: Annotated[Text | None, Field(examples=["INC-1"])] = None
    kind: ItemKind = ItemKind.PREVENT
    strength: Strength = Strength.GUARD
    priority: Literal[1, 2, 3] = 2
    owner_id: Id | None = None
    team_id: Id | None = None
    due: Annotated[
        Day | None,
        Field(description="a working day; without one, 14, 30 or 90 days from now by the priority"),
    ] = None
    source_quote: Annotated[Text, Field(max_length=text_limits.QUOTE_MAX_CHARS)] = ""


class ChangedActionItem(ApiInput):
    """What to change of an action item; what is left out stays as it is."""

    title: Title | None = None
    detail: Detail | None = None
    kind: ItemKind | None = None
    strength: Strength | None = None
    priority: Literal[1, 2, 3] | None = None
    team_id: Id | None = None
    blocked_reason: Reason | None = None
    evidence: Evidence | None = None


class NewOwner(ApiInput):
    """The person who is asked to own an item; null for no one."""

    owner_id: Id | None
    note: Reason = ""


class NewState(ApiInput):
    """The state of an item, with what the change requires."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"state": "done", "evidence": [{"url": "https://git.example.org/pay/pull/7"}]}]
        }
    )

    state: ItemState
    reason: Annotated[Reason, Field(description="required to drop and to reopen")] = ""
    evidence: Annotated[Evidence, Field(default_factory=list)]
    accepts_risk: Annotated[StrictBool, Field(description="to drop: the risk is accepted")] = False
    duplicate_of: Ref | None = None


class NewDueDay(ApiInput):
    """A due day; a later one needs a reason from the second time on."""

    due: Day
    reason: Reason = ""


class BulkDueDay(ApiInput):
    """A due day for many items, with the reason."""

    items: Refs
    due: Day
    reason: Annotated[Reason, Field(min_length=1)]


class BulkOwner(ApiInput):
    """An owner who is proposed for many items."""

    items: Refs
    owner_id: Id


class BulkDrop(ApiInput):
    """Items to drop with one reason."""

    items: Refs
    reason: Annotated[Reason, Field(min_length=1)]


class ItemEventShown(ApiOutput):
    """One change of one field of an item."""

    at: datetime
    by: str
    field: str
    old: str
    new: str
    note: str
    via: Annotated[str, Field(description="app, api, or `tracker:` with the id of a tracker")]


def item_shown(item: ActionItem, today: date) -> ActionItemShown:
    """Return an item as the API shows it."""
    return ActionItemShown(
        ref=item.ref,
        title=item.title,
        detail=item.detail,
        incident=f"INC-{item.incident_id}" if item.incident_id else None,
        task_id=item.task_id,
        kind=item.kind,
        strength=item.strength,
        priority=item.priority.value,
        owner_id=item.owner_id,
        accepted=item.is_accepted,
        team_id=item.team_id,
        due=item.due,
        overdue_days=item.overdue_days(today),
        state=item.state,
        duplicate_of=f"ACT-{item.duplicate_of}" if item.duplicate_of else None,
        blocked_reason=item.blocked_reason,
        moved=item.moved,
        evidence=[ActionEvidenceShown(kind=e.kind, url=e.url, label=e.label) for e in item.evidence],
        without_evidence=item.lacks_evidence,
        source_quote=item.source_quote,
        created_at=item.created_at,
        created_by=item.created_by,
        done_at=item.done_at,
        dropped_reason=item.dropped_reason,
        risk_accepted_by=item.risk_accepted_by,
        escalated_to=item.escalated_to,
        escalated_at=item.escalated_at,
        version=item.version,
    )


def _number(ref: str) -> int:
    return parse_ref("ACT", ref)


@router.get("", summary="List action items, newest first", responses=problems(404))
async def list_action_items(
    w: Reader,
    pagination: PageParams,
    state: Annotated[list[ItemState], Query(description="only those in one of these states")] = [],  # noqa: B006
    owner: Annotated[Text, Query(description="only those of an owner: an id, or `me`", max_length=20)] = "",
    team: Annotated[Text | None, Query(description="only those of a team", examples=["payments"])] = None,
    incident: Annotated[
        Text | None, Query(description="only those of an incident", examples=["INC-3"])
    ] = None,
    kind: Annotated[ItemKind | None, Query(description="only those of a kind")] = None,
    priority: Annotated[Literal["1", "2", "3"] | None, Query(description="only those of a priority")] = None,
    due: Annotated[
        DueFilter | None,
        Query(description="`overdue`, due within a `week`, or overdue for more than 30 days (`named`)"),
    ] = None,
    unaccepted: Annotated[QueryBool, Query(description="only those that no one has accepted")] = False,
    q: Annotated[Text, Query(description="words of the title or the detail", max_length=200)] = "",
) -> list[ActionItemShown]:
    team_ids = ((await people.team_by_slug(w.tx, team)).id,) if team else ()
    incident_id = (await incidents.incident(w.tx, parse_ref("INC", incident))).id if incident else None
    owner_id = w.person_id if owner == "me" else to_choice(owner, "owner")
    wanted = ItemFilter(
        tuple(state) or (UNFINISHED if due or unaccepted else ()),
        owner_id,
        True if unaccepted else None,
        team_ids,
        incident_id,
        kind,
        Priority(int(priority)) if priority else None,
        due,
        text=q,
    )
    items = await list_store.newest(w.tx, wanted, w.now.date(), pagination.limit, pagination.before)
    pagination.link([item.id for item in items])
    return [item_shown(item, w.now.date()) for item in items]


@router.post("", status_code=201, summary="Add an action item", responses=problems(404, 409))
async def add_action_item(w: Writer, body: NewActionItem) -> ActionItemShown:
    item = await actions.add_item(
        w.tx,
        w.actor,
        body.title,
        w.now,
        incident_id=parse_ref("INC", body.incident) if body.incident else None,
        detail=body.detail,
        kind=body.kind,
        strength=body.strength,
        priority=Priority(body.priority),
        owner_id=body.owner_id,
        team_id=body.team_id,
        due=body.due,
        source_quote=body.source_quote,
    )
    return item_shown(item, w.now.date())


@router.post("/bulk/due", summary="Change the due day of many action items", responses=problems(404, 409))
async def move_action_items(w: Writer, body: BulkDueDay) -> list[ActionItemShown]:
    ids = [_number(ref) for ref in body.items]
    items = await actions.set_due_of_many(w.tx, w.actor, ids, body.due, body.reason, w.now)
    return [item_shown(item, w.now.date()) for item in items]


@router.post("/bulk/assign", summary="Propose an owner for many action items", responses=problems(404, 409))
async def assign_action_items(w: Writer, body: BulkOwner) -> list[ActionItemShown]:
    ids = [_number(ref) for ref in body.items]
    items = await actions.assign_many(w.tx, w.actor, ids, body.owner_id, w.now)
    return [item_shown(item, w.now.date()) for item in items]


@router.post("/bulk/drop", summary="Drop many action items", responses=problems(404, 409))
async def drop_action_items(w: Writer, body: BulkDrop) -> list[ActionItemShown]:
    ids = [_number(ref) for ref in body.items]
    items = await actions.drop_many(w.tx, w.actor, ids, body.reason, w.now)
    return [item_shown(item, w.now.date()) for item in items]


@router.get("/{ref}", summary="Get an action item", responses=problems(404))
async def get_action_item(w: Reader, ref: Text) -> ActionItemShown:
    return item_shown(await actions.item(w.tx, _number(ref)), w.now.date())


@router.get("/{ref}/events", summary="List the changes of an action item", responses=problems(404))
async def list_action_item_events(w: Reader, ref: Text) -> list[ItemEventShown]:
    item = await actions.item(w.tx, _number(ref))
    return [ItemEventShown.model_validate(event) for event in await actions.events(w.tx, item.id)]


@router.patch("/{ref}", summary="Change an action item", responses=problems(404, 409))
async def change_action_item(w: Writer, ref: Text, body: ChangedActionItem) -> ActionItemShown:
    values = {
        name: value
        for name, value in body.model_dump(include=body.model_fields_set).items()
        if value is not None or name == "team_id"
    }
    item = await actions.change_item(w.tx, w.actor, _number(ref), values, w.now)
    return item_shown(item, w.now.date())


@router.post("/{ref}/accept", summary="Accept an action item", responses=problems(404, 409))
async def accept_action_item(w: Writer, ref: Text) -> ActionItemShown:
    return item_shown(await actions.accept_item(w.tx, w.actor, _number(ref), w.now), w.now.date())


@router.post(
    "/{ref}/assign", summary="Propose an owner, or pass an action item on", responses=problems(404, 409)
)
async def assign_action_item(w: Writer, ref: Text, body: NewOwner) -> ActionItemShown:
    item = await actions.assign_item(w.tx, w.actor, _number(ref), body.owner_id, w.now, note=body.note)
    return item_shown(item, w.now.date())


@router.post(
    "/{ref}/state",
    summary="Start, finish, drop or reopen an action item, or mark it as a duplicate",
    responses=problems(404, 409),
)
async def set_action_item_state(w: Writer, ref: Text, body: NewState) -> ActionItemShown:
    item = await actions.set_item_state(
        w.tx,
        w.actor,
        _number(ref),
        body.state,
        w.now,
        reason=body.reason,
        evidence=[link.model_dump(mode="json") for link in body.evidence],
        accepts_risk=body.accepts_risk,
        duplicate_of=_number(body.duplicate_of) if body.duplicate_of else None,
    )
    return item_shown(item, w.now.date())


@router.post("/{ref}/due", summary="Change the due day of an action item", responses=problems(404, 409))
async def move_action_item(w: Writer, ref: Text, body: NewDueDay) -> ActionItemShown:
    item = await actions.set_due(w.tx, w.actor, _number(ref), body.due, w.now, reason=body.reason)
    return item_shown(item, w.now.date())
