"""The names of time zones: fields fetch them when someone begins to choose one, so that no page carries them all."""

from fastapi import Response

from firebell.kit.web import html, routing
from firebell.people import route_access

router = routing.html_router()

KEPT_S = 24 * 60 * 60
"""How long browsers keep the list; names are added a few times a year."""


@router.get("/time-zones", dependencies=route_access.public("It is the same for everyone."))
async def time_zones() -> Response:
    headers = {"Cache-Control": f"public, max-age={KEPT_S}", "X-Content-Type-Options": "nosniff"}
    return Response("\n".join(html.time_zones()), headers=headers, media_type="text/plain")
