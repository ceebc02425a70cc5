"""Takes screenshots of a running demo.

`python tools/screenshots.py URL FOLDER [PATH ...]` signs in as the demo's admin and writes one PNG per path, width
and theme; without paths, of every screen.
"""

import asyncio
import re
import shutil
import sys
from pathlib import Path

from playwright.async_api import Browser, async_playwright

from firebell.demo.organization import ADMIN, PASSWORD

PATHS = (
    *("/", "/pages", "/pages/PG-1", "/incidents", "/incidents?state=closed", "/incidents/new"),
    *("/oncall", "/oncall/payments-primary", "/oncall/me", "/oncall/new"),
    *("/escalation", "/escalation/payments-critical", "/escalation/payments-critical/edit"),
    *("/services", "/service-map", "/service-map?service=ledger-db"),
    *("/services/checkout-api", "/alerts", "/alerts/1", "/post-mortems"),
    *("/runbooks", "/runbooks/database-failover", "/runbooks/new"),
    *(
        "/settings",
        "/settings/contact",
        "/settings/keys",
        "/settings/calendars",
        "/oncall/calendars",
        "/oncall/payments-primary/calendars",
        "/settings/people",
        "/settings/teams",
        "/settings/chat",
    ),
    *("/settings/response", "/settings/response/groups", "/settings/response/severities/SEV1"),
    *("/clocks", "/clocks/regimes", "/clocks/regimes/eu-dora", "/incidents/INC-1/clocks"),
    *("/handbook", "/handbook/references/incident-workflow", "/handbook?q=commander", "/handbook/templates"),
    *("/handbook/templates/update-first", "/incidents/INC-1/messages"),
    *(
        "/settings/audit",
        "/settings/retention",
        "/more",
        "/nowhere",
        "/oncall?view=day",
        "/oncall?view=month",
    ),
)
SIZES = {"desktop": (1440, 1000), "phone": (390, 844)}


def file_name(path: str, size: str, theme: str) -> str:
    """Return the file name of a screenshot."""
    return f"{re.sub(r'[^a-z0-9]+', '-', path.lower()).strip('-') or 'home'}-{size}-{theme}.png"


async def shoot(browser: Browser, url: str, folder: Path, paths: list[str], size: str, theme: str) -> None:
    """Take full-page screenshots of the paths at one size in one theme."""
    width, height = SIZES[size]
    context = await browser.new_context(
        base_url=url,
        viewport={"width": width, "height": height},
        color_scheme="dark" if theme == "dark" else "light",
        device_scale_factor=1,
    )
    page = await context.new_page()
    await page.goto("/login")
    await page.screenshot(path=folder / file_name("login", size, theme))
    await page.fill("[name=email]", ADMIN)
    await page.fill("[name=password]", PASSWORD)
    await page.click("button:has-text('Sign in')")
    for path in paths:
        await page.goto(path)
        await page.screenshot(path=folder / file_name(path, size, theme), full_page=True)
    await context.close()


async def main(url: str, folder: Path, paths: list[str]) -> None:
    """Take all screenshots."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        for size in SIZES:
            for theme in ("light", "dark"):
                await shoot(browser, url, folder, paths or list(PATHS), size, theme)
        await browser.close()


if __name__ == "__main__":
    Path(sys.argv[2]).mkdir(parents=True, exist_ok=True)
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), sys.argv[3:]))
