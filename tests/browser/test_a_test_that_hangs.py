"""Browser: a test whose browser never answers fails alone, and the browser works on."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.async_api import Browser

from tests.browser.conftest import limited

pytestmark = pytest.mark.browser


def _layers(function: Callable[..., Any] | None) -> Iterator[Callable[..., Any]]:
    """Yield a function and what it wraps, outermost first."""
    while function:
        yield function
        function = getattr(function, "__wrapped__", None)


async def test_a_script_that_never_ends_fails_its_test_alone(
    browser: Browser, request: pytest.FixtureRequest
) -> None:
    page = await browser.new_page()

    async def hang() -> None:
        await page.evaluate("new Promise(() => {})")

    short = limited(hang, 0.1)
    with pytest.raises(TimeoutError):
        await short()
    assert await page.evaluate("1 + 1") == 2
    # each test of this folder has such a limit
    assert short.__code__ in [layer.__code__ for layer in _layers(request.function)]
    await page.close()
