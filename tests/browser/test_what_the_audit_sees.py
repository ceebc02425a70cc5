"""Browser: a page that is opened once is judged in every theme and width in which it looks different."""

from contextlib import nullcontext

import pytest
from playwright.async_api import Browser

from tests.browser.conftest import ALL_LOOKS, Look, looks

pytestmark = pytest.mark.browser

PAGE = """<!doctype html><html lang="en"><head><title>Audit</title><style>
:root { color-scheme: light dark; background: light-dark(white, black); color: light-dark(black, white); }
%s
</style></head><body><main><h1>Audit</h1><p id="faint">Faint</p><button id="small"></button></main></body></html>"""
HIDDEN = "#small { display: none }"
FAULTS: list[tuple[str, Look | None]] = [
    (HIDDEN, None),
    (f"{HIDDEN} #faint {{ color: light-dark(#ddd, white) }}", ("light", 390)),
    (f"{HIDDEN} #faint {{ color: light-dark(black, #222) }}", ("dark", 1440)),
    (
        f"{HIDDEN} @media (min-width: 761px) {{ #faint {{ color: light-dark(#ddd, white) }} }}",
        ("light", 1440),
    ),
    (
        f"{HIDDEN} @media (max-width: 760px) {{ main {{ background: light-dark(white, #ddd) }} }}",
        ("dark", 390),
    ),
    (f"@media (max-width: 760px) {{ {HIDDEN} }}", ("light", 1440)),
    # axe judges no text over a gradient
    (
        f"{HIDDEN} #faint {{ color: #ddd }}"
        "@media (max-width: 760px) { #faint { background: linear-gradient(white, #eee) } }",
        ("light", 1440),
    ),
]
"""Styles, and the first look in which something is wrong."""


@pytest.mark.parametrize(("styles", "wrong"), FAULTS, ids=[str(wrong) for _, wrong in FAULTS])
async def test_a_fault_in_one_theme_or_width_is_found(
    browser: Browser, styles: str, wrong: Look | None
) -> None:
    page = await browser.new_page()
    await page.route(
        "http://audit.test/", lambda route: route.fulfill(body=PAGE % styles, content_type="text/html")
    )
    sound = list[Look]()
    with pytest.raises(AssertionError) if wrong else nullcontext():
        async for each in looks(page, "http://audit.test/"):
            sound.append(each)
    assert sound == list(ALL_LOOKS[: ALL_LOOKS.index(wrong) if wrong else None])
    await page.close()
