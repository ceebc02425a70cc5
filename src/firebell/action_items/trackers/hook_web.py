"""The address to which trackers report changes; it only asks for a reading, and believes nothing in the body."""

from urllib.parse import parse_qs

import msgspec
from fastapi import Request, Response, status

from firebell.action_items.trackers import actions, hook_signatures, store
from firebell.action_items.trackers.vendor_registry import registry
from firebell.kit.errors import Invalid, Unauthenticated
from firebell.kit.text import to_id
from firebell.kit.web import html, routing
from firebell.people import route_access

router = routing.html_router()

SIGNED = route_access.public("A tracker signs its notifications.")


def _document(content_type: str, body: bytes) -> object:
    """Return the JSON of a notification, also of a form with it in `payload`; raise `Invalid` for anything else."""
    try:
        if content_type.startswith("application/x-www-form-urlencoded"):
            body = parse_qs(body.decode(), strict_parsing=True)["payload"][0].encode()
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeError, ValueError, KeyError, RecursionError) as error:
        raise Invalid(
            "The notification is not JSON.", hint="Choose the content type application/json there."
        ) from error


@router.post("/in/trackers/{tracker_id}", dependencies=SIGNED)
async def notified(request: Request, tracker_id: str) -> Response:
    return await _receive(request, tracker_id, "")


@router.post("/in/trackers/{tracker_id}/{token}", dependencies=SIGNED)
async def notified_with_token(request: Request, tracker_id: str, token: str) -> Response:
    return await _receive(request, tracker_id, token)


async def _receive(request: Request, tracker_id: str, token: str) -> Response:
    ctx, body = html.ctx(request), await request.body()
    now = ctx.clock.now()
    refused = Unauthenticated("The notification is not signed with the secret of a tracker.")
    async with ctx.db.tx() as tx:
        tracker = await store.tracker(tx, to_id(tracker_id) or 0)
        if tracker is None or tracker.kind not in registry():
            raise refused
        secret = await store.open_hook_secret(tx, tracker)
        headers = {name: tuple(request.headers.getlist(name)) for name in request.headers}
        hook = hook_signatures.HookRequest(headers, body, token, now)
        api = registry()[tracker.kind].api
        delivery_id = api.hook_delivery(hook, secret, hook_signatures.path_token(secret))
        if not delivery_id:
            raise refused
        document = _document(request.headers.get("content-type", ""), body)
        if tracker.is_enabled:
            issues = list(api.hook_issues(tracker, document))
            await actions.receive_hook(tx, tracker, delivery_id, issues, now)
    return Response(status_code=status.HTTP_202_ACCEPTED)
