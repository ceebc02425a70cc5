"""An app that is built late: once for all requests that wait for it, and again after a failure."""

import asyncio
import threading

import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from firebell.kit.slice import DeclarationError
from firebell.kit.web.late_app import LateApp


async def _receive() -> dict[str, str]:
    return {"type": "http.disconnect"}


async def _send(message: object) -> None:
    pass


async def test_requests_wait_for_one_build() -> None:
    may_end, builds, answered = threading.Event(), 0, 0

    async def pages(scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal answered
        answered += 1

    def build() -> ASGIApp:
        nonlocal builds
        builds += 1
        may_end.wait()
        return pages

    late = LateApp(build)
    waiting = [
        asyncio.ensure_future(each) for each in (late.load(), *(late({}, _receive, _send) for _ in range(3)))
    ]
    await asyncio.sleep(0)
    assert answered == 0
    may_end.set()
    await asyncio.gather(*waiting)
    assert (builds, answered) == (1, 3)


async def test_a_build_that_fails_is_raised_to_all_who_wait() -> None:
    def build() -> ASGIApp:
        raise DeclarationError("Two slices claim one route.")

    late = LateApp(build)
    outcomes = await asyncio.gather(late.load(), late({}, _receive, _send), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [DeclarationError, DeclarationError]
    with pytest.raises(DeclarationError):
        await late.load()
