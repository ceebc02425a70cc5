"""The API of trackers."""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import Response
from pydantic import ConfigDict, Field

from firebell.action_items.trackers import actions, authorization, connection_tests, credentials, queries
from firebell.action_items.trackers.credentials import EnteredCredentials
from firebell.action_items.trackers.model import AuthMethod, Direction, LinkState, SyncField
from firebell.action_items.trackers.queries import TrackerView
from firebell.kit.web import api
from firebell.kit.web.api import ApiInput, ApiOutput, Ctx, Id, PathId, StrictBool, Text, problems
from firebell.people.authentication import Caller
from firebell.people.permissions import Verb
from firebell.people.route_access import may
from firebell.people.unit_of_work import Work, work

router = api.router("trackers", "/trackers")

Reader = Annotated[Work, work(Verb.TRACKER_READ)]
Manager = Annotated[Work, work(Verb.TRACKER_WRITE)]
Responder = Annotated[Work, work(Verb.ACTION_ITEM_WRITE)]
Probing = Annotated[Caller, may(Verb.TRACKER_WRITE)]
Token = Annotated[Text, Field(min_length=1, max_length=credentials.TOKEN_MAX_CHARS)]
AuthField = Annotated[AuthMethod, Field(description="app for GitHub; oauth for Jira Cloud and Linear")]
OptionalToken = Annotated[
    Text, Field(max_length=credentials.TOKEN_MAX_CHARS, description="the access token, for token")
]
ClientId = Annotated[
    Text, Field(max_length=credentials.CLIENT_ID_MAX_CHARS, description="the app’s, for app and oauth")
]
PrivateKey = Annotated[
    Text,
    Field(max_length=credentials.PRIVATE_KEY_MAX_CHARS, description="the app’s RSA key in PEM, for app"),
]
ClientSecret = Annotated[
    Text, Field(max_length=credentials.TOKEN_MAX_CHARS, description="the app’s, for oauth")
]
Directions = Annotated[
    dict[SyncField, Direction], Field(description="only fields that are not synced both ways")
]
Options = Annotated[
    dict[Annotated[Text, Field(max_length=40)], Annotated[Text, Field(max_length=actions.OPTION_MAX_CHARS)]],
    Field(description="settings that only this kind has", max_length=20),
]
TrackerName = Annotated[Text, Field(max_length=actions.NAME_MAX_CHARS)]


class TrackerShown(ApiOutput):
    """A tracker and how its sync goes; its secrets are never shown."""

    id: int
    kind: str
    name: str
    url: str
    target: str
    login: str
    auth: AuthMethod
    client_id: Annotated[str, Field(description="the app’s, empty for a token")]
    token_hint: Annotated[str, Field(description="how the token ends")]
    authorized_at: Annotated[datetime | None, Field(description="when someone authorized Firebell by OAuth")]
    authorization_ends_at: Annotated[
        datetime | None, Field(description="when someone has to authorize it again")
    ]
    private: bool
    enabled: bool
    links_new: bool
    team_id: int | None
    directions: dict[SyncField, Direction]
    options: dict[str, str]
    state: Literal["off", "unauthorized", "stopped", "failing", "waiting", "late", "ok"]
    reason: str
    links: dict[LinkState, int]
    last_ok_at: datetime | None
    last_hook_at: datetime | None
    last_error: str
    last_error_at: datetime | None
    next_sweep_at: datetime


class NewTracker(ApiInput):
    """A project, repository or team of an issue tracker."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"kind": "github", "target": "acme/shop", "token": "github_pat_…"}]}
    )

    kind: Annotated[
        Text,
        Field(
            max_length=40,
            examples=["github"],
            description="github, gitlab, jira_cloud, jira_data_center or linear",
        ),
    ]
    target: Annotated[
        Text, Field(max_length=300, description="the repository, the project or the team there")
    ]
    auth: AuthField = AuthMethod.TOKEN
    token: OptionalToken = ""
    client_id: ClientId = ""
    private_key: PrivateKey = ""
    client_secret: ClientSecret = ""
    name: TrackerName = ""
    url: Annotated[Text, Field(max_length=2000, description="empty for the usual address")] = ""
    login: Annotated[Text, Field(max_length=200, description="the email address of Jira Cloud")] = ""
    private: Annotated[StrictBool, Field(description="true if items of private incidents may be synced")] = (
        False
    )
    links_new: Annotated[StrictBool, Field(description="true to create an issue for each new item")] = False
    team_id: Annotated[Id | None, Field(description="only new items of this team")] = None
    options: Annotated[Options, Field(default_factory=dict)]
    directions: Annotated[Directions, Field(default_factory=dict)]


class ChangedTracker(ApiInput):
    """What to change of a tracker; what is left out stays as it is."""

    name: TrackerName | None = None
    login: Annotated[Text, Field(max_length=200)] | None = None
    private: StrictBool | None = None
    enabled: StrictBool | None = None
    links_new: StrictBool | None = None
    team_id: Id | None = None
    options: Options | None = None
    directions: Directions | None = None


class NewTrackerToken(ApiInput):
    """The token that replaces the old one."""

    token: Token


class NewTrackerCredentials(ApiInput):
    """How Firebell signs in from now on: a token, a GitHub App with its private key, or an OAuth app."""

    auth: AuthField
    token: OptionalToken = ""
    client_id: ClientId = ""
    private_key: PrivateKey = ""
    client_secret: ClientSecret = ""
    login: Annotated[Text, Field(max_length=200, description="for a token of Jira Cloud")] = ""


class AuthorizationShown(ApiOutput):
    """Where the owner of the API key authorizes Firebell, in a browser in which they are signed in to Firebell."""

    url: str
    expires_at: datetime


class NewHookSecret(ApiInput):
    """The secret that the tracker made for its webhook."""

    secret: Annotated[Text, Field(min_length=8, max_length=credentials.TOKEN_MAX_CHARS)]


class HookSecretShown(ApiOutput):
    """How to report changes to Firebell; the address with the token is for senders that sign nothing."""

    url: str
    secret: str
    url_with_token: str


class ConnectionCheckShown(ApiOutput):
    """One thing that was looked at."""

    level: Literal["ok", "warn", "late"]
    text: str


class TestIssueShown(ApiOutput):
    """The issue that was created and closed."""

    url: str


class PlannedChangeShown(ApiOutput):
    """What a sync would do with one field: write `here` into the tracker, or `there` into the item."""

    item: str
    issue: str
    field: str
    here: str
    there: str
    to: Literal["here", "there"]
    conflict: bool


class DryRunShown(ApiOutput):
    """What a sync would do now, and what could not be read."""

    changes: list[PlannedChangeShown]
    links: Annotated[int, Field(description="how many links were looked at, 20 at most")]
    problems: list[str]


class TrackerUserShown(ApiOutput):
    """Who a person is in a tracker; `is_known` is false if the handle or address leads to no one there."""

    person_id: int
    name: str
    handle: str
    is_known: bool
    by_hand: bool


class NewTrackerUser(ApiInput):
    """A person's handle in a tracker; empty to forget it."""

    handle: Annotated[Text, Field(max_length=actions.HANDLE_MAX_CHARS)]


def _shown(view: TrackerView, now: datetime) -> TrackerShown:
    one = view.tracker
    state: Any = view.state(now)
    return TrackerShown(
        id=one.id,
        kind=one.kind,
        name=one.name,
        url=one.url,
        target=one.target,
        login=one.login,
        auth=one.auth,
        client_id=one.client_id,
        token_hint=one.key_hint,
        authorized_at=one.authorized_at,
        authorization_ends_at=view.authorization_ends_at,
        private=one.is_private,
        enabled=one.is_enabled,
        links_new=one.links_new,
        team_id=one.team_id,
        directions=dict(view.directions),
        options=dict(one.options),
        state=state,
        reason=one.stopped_reason,
        links=dict(view.counts),
        last_ok_at=one.last_ok_at,
        last_hook_at=one.last_hook_at,
        last_error=one.last_error,
        last_error_at=one.last_error_at,
        next_sweep_at=one.sweep_at,
    )


def _entered(body: NewTracker | NewTrackerCredentials) -> EnteredCredentials:
    return EnteredCredentials(body.auth, body.token, body.client_id, body.private_key, body.client_secret)


async def _of(w: Work, tracker_id: int) -> TrackerShown:
    return _shown(await queries.view(w.tx, await actions.tracker(w.tx, tracker_id)), w.now)


@router.get("", summary="List trackers with the health of their sync")
async def list_trackers(w: Reader) -> list[TrackerShown]:
    return [_shown(view, w.now) for view in await queries.views(w.tx)]


@router.post("", status_code=201, summary="Add a tracker", responses=problems(404, 409))
async def add_tracker(w: Manager, body: NewTracker) -> TrackerShown:
    one = await actions.add(
        w.tx,
        w.actor,
        body.kind,
        body.target,
        _entered(body),
        w.now,
        name=body.name,
        url=body.url,
        login=body.login,
        is_private=body.private,
        links_new=body.links_new,
        team_id=body.team_id,
        options=body.options,
        directions={str(name): str(value) for name, value in body.directions.items()},
    )
    return await _of(w, one.id)


@router.get("/{tracker_id}", summary="Get a tracker with the health of its sync", responses=problems(404))
async def get_tracker(w: Reader, tracker_id: PathId) -> TrackerShown:
    return await _of(w, tracker_id)


@router.patch("/{tracker_id}", summary="Change a tracker", responses=problems(404, 409))
async def change_tracker(w: Manager, tracker_id: PathId, body: ChangedTracker) -> TrackerShown:
    given = {
        name: value
        for name, value in body.model_dump(mode="json", include=body.model_fields_set).items()
        if value is not None or name == "team_id"
    }
    enabled = given.pop("enabled", None)
    if "private" in given:
        given["is_private"] = given.pop("private")
    await actions.change(w.tx, w.actor, tracker_id, given, w.now)
    if enabled is not None:
        await actions.set_enabled(w.tx, w.actor, tracker_id, enabled, w.now)
    return await _of(w, tracker_id)


@router.delete(
    "/{tracker_id}",
    status_code=204,
    summary="Remove a tracker with its links; its issues stay",
    responses=problems(404),
)
async def remove_tracker(w: Manager, tracker_id: PathId) -> Response:
    await actions.remove(w.tx, w.actor, tracker_id, w.now)
    return Response(status_code=204)


@router.put(
    "/{tracker_id}/token",
    status_code=204,
    summary="Replace the token of a tracker",
    responses=problems(404),
)
async def replace_tracker_token(w: Manager, tracker_id: PathId, body: NewTrackerToken) -> Response:
    entered = EnteredCredentials(AuthMethod.TOKEN, body.token)
    await actions.set_credentials(w.tx, w.actor, tracker_id, entered, w.now)
    return Response(status_code=204)


@router.put(
    "/{tracker_id}/credentials",
    summary="Replace how Firebell signs in to a tracker",
    responses=problems(404),
)
async def replace_tracker_credentials(
    w: Manager, tracker_id: PathId, body: NewTrackerCredentials
) -> TrackerShown:
    await actions.set_credentials(w.tx, w.actor, tracker_id, _entered(body), w.now, login=body.login)
    return await _of(w, tracker_id)


@router.post(
    "/{tracker_id}/authorization",
    summary="Begin to authorize Firebell in a tracker by OAuth",
    responses=problems(404, 409),
)
async def begin_tracker_authorization(w: Manager, tracker_id: PathId) -> AuthorizationShown:
    url = await authorization.begin(w.tx, w.actor, w.ctx, tracker_id, w.now)
    return AuthorizationShown(url=url, expires_at=w.now + authorization.LIFETIME)


@router.post(
    "/{tracker_id}/hook-secret",
    summary="Show the address and the secret of a tracker's webhook",
    responses=problems(404),
)
async def show_tracker_hook_secret(w: Manager, tracker_id: PathId) -> HookSecretShown:
    secret, token = await actions.reveal_hook_secret(w.tx, w.actor, tracker_id, w.now)
    url = f"{w.ctx.public_url}/in/trackers/{tracker_id}"
    return HookSecretShown(url=url, secret=secret, url_with_token=f"{url}/{token}")


@router.put(
    "/{tracker_id}/hook-secret",
    status_code=204,
    summary="Save the secret that a tracker made for its webhook",
    responses=problems(404),
)
async def save_tracker_hook_secret(w: Manager, tracker_id: PathId, body: NewHookSecret) -> Response:
    await actions.set_hook_secret(w.tx, w.actor, tracker_id, body.secret, w.now)
    return Response(status_code=204)


@router.post(
    "/{tracker_id}/sync",
    status_code=202,
    summary="Sync all links of a tracker now",
    responses=problems(404, 409),
)
async def sync_tracker(w: Responder, tracker_id: PathId) -> TrackerShown:
    await actions.request_sync(w.tx, w.actor, tracker_id, w.now)
    return await _of(w, tracker_id)


@router.post("/{tracker_id}/check", summary="Check the connection to a tracker", responses=problems(404))
async def check_tracker(ctx: Ctx, caller: Probing, tracker_id: PathId) -> list[ConnectionCheckShown]:
    checks = await connection_tests.check_connection(ctx, tracker_id)
    return [ConnectionCheckShown.model_validate(each) for each in checks]


@router.post("/{tracker_id}/test", summary="Create a test issue and close it", responses=problems(404, 409))
async def test_tracker(ctx: Ctx, caller: Probing, tracker_id: PathId) -> TestIssueShown:
    url = await connection_tests.send_test(ctx, caller.actor, tracker_id, ctx.clock.now())
    return TestIssueShown(url=url)


@router.post("/{tracker_id}/dry-run", summary="Show what a sync would change now", responses=problems(404))
async def dry_run_tracker(ctx: Ctx, caller: Probing, tracker_id: PathId) -> DryRunShown:
    result = await connection_tests.dry_run(ctx, tracker_id)
    changes = [
        PlannedChangeShown(
            item=each.item_ref,
            issue=each.issue_key,
            field=each.field,
            here=each.here,
            there=each.there,
            to="here" if each.to == "here" else "there",
            conflict=each.is_conflict,
        )
        for each in result.changes
    ]
    return DryRunShown(changes=changes, links=result.links, problems=list(result.problems))


@router.get(
    "/{tracker_id}/users", summary="List the people mapped to users of a tracker", responses=problems(404)
)
async def list_tracker_users(w: Manager, tracker_id: PathId) -> list[TrackerUserShown]:
    await actions.tracker(w.tx, tracker_id)
    return [
        TrackerUserShown(
            person_id=each.person.id,
            name=each.person.name,
            handle=each.user.handle,
            is_known=bool(each.user.external_id),
            by_hand=each.user.is_by_hand,
        )
        for each in await queries.known_users(w.tx, tracker_id)
    ]


@router.put(
    "/{tracker_id}/users/{person_id}",
    status_code=204,
    summary="Map a person to their user in a tracker",
    responses=problems(404),
)
async def set_tracker_user(
    w: Manager, tracker_id: PathId, person_id: PathId, body: NewTrackerUser
) -> Response:
    await actions.set_user(w.tx, w.actor, tracker_id, person_id, body.handle, w.now)
    return Response(status_code=204)
