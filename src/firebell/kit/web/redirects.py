"""Redirects after a form (Post/Redirect/Get), and where the form of the present request leads."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from starlette.responses import RedirectResponse


@dataclass(slots=True)
class Redirect:
    """Where a form leads; `location` is empty if it leads nowhere."""

    location: str = ""


_observed: ContextVar[Redirect | None] = ContextVar("observed_redirect", default=None)


def see_other(url: str) -> RedirectResponse:
    """Return the redirect to `url` after a form."""
    redirect = _observed.get()
    if redirect is not None:
        redirect.location = url
    return RedirectResponse(url, 303)


@contextmanager
def observed() -> Iterator[Redirect]:
    """Yield a `Redirect` that gets the location of the last redirect within."""
    redirect = Redirect()
    token = _observed.set(redirect)
    try:
        yield redirect
    finally:
        _observed.reset(token)
