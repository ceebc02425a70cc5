"""Routers under `/api/v1`, which refuse query parameters that they do not know."""

from typing import Annotated

from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant

from firebell.kit.context import Context
from firebell.kit.errors import Invalid
from firebell.kit.web.api.problem_details import ALWAYS
from firebell.kit.web.routing import Router


async def _context(request: Request) -> Context:
    context: Context = request.app.state.ctx
    return context


Ctx = Annotated[Context, Depends(_context)]


def _parameters(dependant: Dependant) -> set[str]:
    own = {param.alias for param in dependant.query_params}
    return own.union(*(_parameters(part) for part in dependant.dependencies))


async def _only_known(request: Request) -> None:
    known = _parameters(request.scope["route"].dependant)
    if unknown := [name for name in request.query_params if name not in known]:
        raise Invalid(
            "The address carries a parameter that is not known here.",
            fields={unknown[0][:200]: f"There are: {', '.join(sorted(known)) or 'none'}."},
        )


def router(tag: str | None = None, prefix: str = "") -> Router:
    """Return a router under `/api/v1` whose routes may answer problems and refuse unknown parameters."""
    return Router(
        prefix=f"/api/v1{prefix}",
        tags=[tag] if tag else None,
        responses=ALWAYS,
        dependencies=[Depends(_only_known)],
    )
