"""The address that Prometheus scrapes."""

from fastapi import Request, Response
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from firebell.kit.context import Context
from firebell.kit.web.routing import html_router
from firebell.monitoring import access
from firebell.monitoring.exporter import Exporter
from firebell.people import authentication, route_access

PATH = "/metrics.prom"
router = html_router()


@router.get(PATH, dependencies=route_access.public("The token, or the network of the client, grants access."))
async def metrics_prom(request: Request) -> Response:
    """Return the numbers of this process, and of the work that all processes share."""
    return await _exposition(request, request.app.state.ctx, request.app.state.exporter)


def app_of_worker(ctx: Context) -> Starlette:
    """Return the app of a process that runs only the worker: it answers nothing but Prometheus."""
    exporter = Exporter(ctx)

    async def answer(request: Request) -> Response:
        return await _exposition(request, ctx, exporter)

    return Starlette(routes=[Route(PATH, answer)])


async def _exposition(request: Request, ctx: Context, exporter: Exporter) -> Response:
    error = access.refusal(
        authentication.client_address(request),
        request.headers.get("authorization", ""),
        token=ctx.metrics_token,
        networks=ctx.metrics_networks,
    )
    if error is not None:
        headers = {"WWW-Authenticate": "Bearer"} if ctx.metrics_token else {}
        return PlainTextResponse(f"{error.message} {error.hint}\n", error.status, headers)
    body, content_type = await exporter.scrape(request.headers.get("accept", ""))
    return Response(body, headers={"Content-Type": content_type, "Cache-Control": "no-store"})
