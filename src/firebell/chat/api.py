"""The API of chats: accounts, settings, dead letters, and the channels of incidents."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import Path, Query, Response
from pydantic import ConfigDict, Field

from firebell.chat import store
from firebell.chat.accounts import actions as accounts
from firebell.chat.handlers import room_events
from firebell.chat.linked_users import queries as link_queries
from firebell.chat.mirror import call_count_store, object_store
from firebell.chat.mirror.call_counts import CallOutcome
from firebell.chat.model import (
    Account,
    AccountSettings,
    AccountState,
    AnnouncementRule,
    ChatKind,
    OncallGroup,
    RoomState,
)
from firebell.chat.slack import scopes, socket_store
from firebell.chat.slack.manifest import manifest as slack_manifest
from firebell.incidents import actions as incidents
from firebell.kit.references import parse_ref
from firebell.kit.web import api
from firebell.kit.web.api import (
    ApiInput,
    ApiOutput,
    Id,
    PathId,
    StrictBool,
    StrictInt,
    Text,
    TimeZone,
    problems,
)
from firebell.people.permissions import Verb
from firebell.people.unit_of_work import Work, work

router = api.router("chat")

Reader = Annotated[Work, work(Verb.CHAT_READ)]
Writer = Annotated[Work, work(Verb.CHAT_WRITE)]
IncidentReader = Annotated[Work, work(Verb.INCIDENT_READ)]
Responder = Annotated[Work, work(Verb.INCIDENT_UPDATE)]
ObjectKey = Annotated[str, Path(pattern=r"^[A-Za-z0-9@/._-]{1,200}$", examples=["inc-7/e-12"])]
Severity = Annotated[StrictInt, Field(ge=0, le=3)]


class AnnouncementShown(ApiOutput):
    """Where incidents and pages are announced; empty lists restrict nothing."""

    channel: str
    label: str
    severities: list[int]
    service_ids: list[int]
    team_ids: list[int]
    incidents: bool
    pages: bool
    high_only: bool


class GroupShown(ApiOutput):
    """A user group of the chat that holds who is on call."""

    group: str
    handle: str
    schedule_ids: list[int]


class ChatAccountShown(ApiOutput):
    """A connected workspace; no token is ever shown."""

    id: int
    kind: ChatKind
    name: str
    mode: str
    state: AccountState
    reason: Annotated[str, Field(description="why it is broken or degraded, in the chat's own words")]
    paused: bool
    token_ends_in: str
    last_ok_at: datetime | None
    last_frame_at: datetime | None
    missing_scopes: list[str]
    socket_error: Annotated[str, Field(description="why Socket Mode is not connected; empty if it is")]
    unlinked_users: Annotated[int, Field(description="users who acted in 30 days and are no one in Firebell")]
    waiting: Annotated[int, Field(description="incidents and pages that the chat does not show yet")]
    waiting_s: Annotated[float, Field(description="how long the oldest of them waits")]
    dead: Annotated[int, Field(description="messages that could not be sent")]
    calls_24h: Annotated[
        dict[CallOutcome, int], Field(description="calls of the last 24 hours, by how they ended")
    ]
    room_severities: list[int]
    tz: str
    unlinked: str
    announcements: list[AnnouncementShown]
    groups: list[GroupShown]


class DeadLetterShown(ApiOutput):
    """A message that could not be sent."""

    account_id: int
    account: str
    key: str
    error: str
    dead_at: datetime


class AnnouncementInput(ApiInput):
    """An announcement rule; empty lists restrict nothing."""

    channel: Annotated[Text, Field(max_length=100, examples=["C024BE91L"])]
    label: Annotated[Text, Field(max_length=accounts.LABEL_MAX_CHARS)] = ""
    severities: Annotated[list[Severity], Field(default_factory=list)]
    service_ids: Annotated[list[Id], Field(default_factory=list)]
    team_ids: Annotated[list[Id], Field(default_factory=list)]
    incidents: StrictBool = True
    pages: StrictBool = False
    high_only: StrictBool = False


class GroupInput(ApiInput):
    """A user group and the schedules whose people it holds."""

    group: Annotated[Text, Field(max_length=40, examples=["S0614TZR7"])]
    handle: Annotated[Text, Field(max_length=40)] = ""
    schedule_ids: list[Id]


class ChatSettingsInput(ApiInput):
    """The choices of an account; all are replaced."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"room_severities": [0, 1, 2], "announcements": [{"channel": "C024BE91L"}]}]
        }
    )

    room_severities: Annotated[list[Severity], Field(default_factory=lambda: [0, 1, 2])]
    announcements: Annotated[list[AnnouncementInput], Field(default_factory=list)]
    groups: Annotated[list[GroupInput], Field(default_factory=list)]
    tz: TimeZone | None = None
    unlinked: Annotated[Text, Field(max_length=20, description="declare or nothing")] = "declare"


class SlackManifest(ApiOutput):
    """The manifest of the Slack app, as Slack reads it."""

    display_information: dict[str, Any]
    features: dict[str, Any]
    oauth_config: dict[str, Any]
    settings: dict[str, Any]


class RoomShown(ApiOutput):
    """The channel of an incident."""

    account_id: int
    account: str
    kind: ChatKind
    incident: Annotated[str, Field(examples=["INC-3"])]
    state: RoomState
    name: str
    channel: str
    private: bool


class NewRoom(ApiInput):
    """The account in which to create a channel."""

    account_id: Id


async def _shown(w: Work, each: list[Account]) -> list[ChatAccountShown]:
    waiting = await store.waiting(w.tx, [account.id for account in each], w.now)
    letters = await object_store.dead_letters(w.tx)
    errors = await socket_store.errors(w.tx, [account.id for account in each])
    unlinked = {account.id: await link_queries.unlinked(w.tx, account, w.now) for account in each}
    calls = await call_count_store.of_last_day(w.tx, [account.id for account in each], w.now)
    return [
        ChatAccountShown(
            id=account.id,
            kind=account.kind,
            name=account.name,
            mode=account.mode,
            state=account.state,
            reason=account.reason,
            paused=account.paused_at is not None,
            token_ends_in=account.hint,
            last_ok_at=account.last_ok_at,
            last_frame_at=account.last_frame_at,
            missing_scopes=scopes.missing(account.scopes) if account.kind is ChatKind.SLACK else [],
            socket_error=errors.get(account.id, ""),
            unlinked_users=len(unlinked[account.id].users),
            waiting=waiting.get(account.id, (0, 0.0))[0],
            waiting_s=round(waiting.get(account.id, (0, 0.0))[1], 1),
            dead=sum(letter.account_id == account.id for letter in letters),
            calls_24h=calls[account.id],
            room_severities=list(account.settings.room_severities),
            tz=account.settings.tz,
            unlinked=account.settings.unlinked,
            announcements=[
                AnnouncementShown(
                    channel=rule.channel,
                    label=rule.label,
                    severities=list(rule.severities),
                    service_ids=list(rule.service_ids),
                    team_ids=list(rule.team_ids),
                    incidents=rule.incidents,
                    pages=rule.pages,
                    high_only=rule.high_only,
                )
                for rule in account.settings.rules
            ],
            groups=[
                GroupShown(group=g.group, handle=g.handle, schedule_ids=list(g.schedule_ids))
                for g in account.settings.groups
            ],
        )
        for account in each
    ]


@router.get("/chats", summary="List connected chats")
async def list_chats(w: Reader) -> list[ChatAccountShown]:
    """List the connected workspaces with their health, oldest first."""
    return await _shown(w, await store.accounts(w.tx))


@router.get("/chats/dead", summary="List chat messages that could not be sent")
async def list_dead_letters(w: Reader) -> list[DeadLetterShown]:
    """List at most 200 dead letters, newest first."""
    return [
        DeadLetterShown(
            account_id=letter.account_id,
            account=letter.account,
            key=letter.key,
            error=letter.error,
            dead_at=letter.dead_at,
        )
        for letter in await object_store.dead_letters(w.tx)
    ]


@router.get("/chats/slack/manifest", summary="Get the manifest of the Slack app")
async def get_slack_manifest(
    w: Reader, socket: Annotated[api.QueryBool, Query(description="for Socket Mode")] = False
) -> SlackManifest:
    """Return the manifest with this server's addresses filled in."""
    return SlackManifest(**slack_manifest(w.ctx.public_url, socket=socket))


@router.get("/chats/{account_id}", summary="Get a connected chat", responses=problems(404))
async def get_chat(w: Reader, account_id: PathId) -> ChatAccountShown:
    """Return one workspace."""
    (shown,) = await _shown(w, [await accounts.account(w.tx, account_id)])
    return shown


@router.put("/chats/{account_id}/settings", summary="Change the settings of a chat", responses=problems(404))
async def set_chat_settings(w: Writer, account_id: PathId, body: ChatSettingsInput) -> ChatAccountShown:
    """Replace the settings of a workspace."""
    before = (await accounts.locked(w.tx, account_id)).settings
    settings = AccountSettings(
        room_severities=tuple(body.room_severities),
        rules=tuple(
            AnnouncementRule(
                channel=rule.channel,
                label=rule.label,
                severities=tuple(rule.severities),
                service_ids=tuple(rule.service_ids),
                team_ids=tuple(rule.team_ids),
                incidents=rule.incidents,
                pages=rule.pages,
                high_only=rule.high_only,
            )
            for rule in body.announcements
        ),
        groups=tuple(OncallGroup(g.group, g.handle, tuple(g.schedule_ids)) for g in body.groups),
        unlinked=body.unlinked,
        incident_command=before.incident_command,
        page_command=before.page_command,
        tz=body.tz or before.tz,
    )
    account = await accounts.set_settings(w.tx, w.actor, account_id, settings, w.now)
    (shown,) = await _shown(w, [account])
    return shown


@router.post("/chats/{account_id}/pause", summary="Stop calling a chat", responses=problems(404))
async def pause_chat(w: Writer, account_id: PathId) -> ChatAccountShown:
    """Stop calling a workspace; what changes meanwhile follows. Idempotent."""
    await accounts.pause(w.tx, w.actor, account_id, w.now)
    (shown,) = await _shown(w, [await accounts.account(w.tx, account_id)])
    return shown


@router.post("/chats/{account_id}/resume", summary="Call a chat again", responses=problems(404))
async def resume_chat(w: Writer, account_id: PathId) -> ChatAccountShown:
    """Call a paused workspace again. Idempotent."""
    await accounts.resume(w.tx, w.actor, account_id, w.now)
    (shown,) = await _shown(w, [await accounts.account(w.tx, account_id)])
    return shown


@router.post(
    "/chats/{account_id}/dead/{key:path}/retry",
    summary="Send a dead letter again",
    status_code=204,
    responses=problems(404),
)
async def retry_dead_letter(w: Writer, account_id: PathId, key: ObjectKey) -> Response:
    """Send a message again that could not be sent."""
    await accounts.retry(w.tx, w.actor, account_id, key, w.now)
    return Response(status_code=204)


@router.post(
    "/chats/{account_id}/dead/{key:path}/drop",
    summary="Drop a dead letter",
    status_code=204,
    responses=problems(404),
)
async def drop_dead_letter(w: Writer, account_id: PathId, key: ObjectKey) -> Response:
    """Give up a message that could not be sent."""
    await accounts.drop(w.tx, w.actor, account_id, key, w.now)
    return Response(status_code=204)


async def _rooms(w: Work, ref: str) -> list[RoomShown]:
    incident = await incidents.incident(w.tx, parse_ref("INC", ref))
    by_id = {account.id: account for account in await store.accounts(w.tx)}
    return [
        RoomShown(
            account_id=room.account_id,
            account=by_id[room.account_id].name,
            kind=by_id[room.account_id].kind,
            incident=incident.ref,
            state=room.state,
            name=room.name,
            channel=room.external_id,
            private=room.private,
        )
        for room in await store.rooms_of(w.tx, [incident.id])
    ]


@router.get("/incidents/{ref}/channels", summary="List the channels of an incident", responses=problems(404))
async def list_incident_channels(w: IncidentReader, ref: str) -> list[RoomShown]:
    """List the channels of an incident, one in each chat that has one."""
    return await _rooms(w, ref)


@router.post(
    "/incidents/{ref}/channels",
    summary="Create a channel for an incident",
    status_code=201,
    responses=problems(404),
)
async def create_incident_channel(w: Responder, ref: str, body: NewRoom) -> list[RoomShown]:
    """Create a channel whatever the severity, and in place of one that was archived. Idempotent."""
    incident = await incidents.incident(w.tx, parse_ref("INC", ref))
    await room_events.create_room(w.tx, w.actor, body.account_id, incident.id, w.now)
    return await _rooms(w, ref)
