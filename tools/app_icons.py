"""Renders the icons of the installed app from `favicon.svg`, and writes their hashes into `SHA256SUMS`.

Needs Playwright with a Chromium (`CHROMIUM`, else /usr/bin/chromium). Only maintainers need to run this.
"""

import hashlib
import os
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

STATIC = Path(__file__).parent.parent / "src" / "firebell" / "static"
BACKGROUND = "#1c1a17"
SIZES = {"icons/icon-192.png": 192, "icons/icon-512.png": 512}
MASKABLE = {"icons/maskable-192.png": 192, "icons/maskable-512.png": 512, "icons/apple-touch-icon.png": 180}
MASKABLE_SCALE = 0.68
"""Size of the mark in a maskable icon; launchers cut off everything outside the middle 80%."""


def document(size: int, *, maskable: bool) -> str:
    """Return an HTML document with the icon at `size` pixels; the background of a maskable one is filled."""
    svg = (STATIC / "favicon.svg").read_text(encoding="utf-8")
    side, background = (round(size * MASKABLE_SCALE), BACKGROUND) if maskable else (size, "transparent")
    style = f"margin:0;width:{size}px;height:{size}px;background:{background};display:grid;place-items:center"
    return f'<body style="{style}"><div style="width:{side}px;height:{side}px">{svg}</div></body>'


def main() -> int:
    """Write every icon and its hash."""
    (STATIC / "icons").mkdir(exist_ok=True)
    with sync_playwright() as playwright:
        executable = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        page = browser.new_page()
        for name, size in {**SIZES, **MASKABLE}.items():
            page.set_viewport_size({"width": size, "height": size})
            page.set_content(document(size, maskable=name in MASKABLE))
            page.screenshot(path=STATIC / name, omit_background=True)
        browser.close()
    sums = STATIC / "SHA256SUMS"
    others = [line for line in sums.read_text(encoding="utf-8").splitlines() if "  icons/" not in line]
    rendered = [
        f"{hashlib.sha256((STATIC / n).read_bytes()).hexdigest()}  {n}" for n in {**SIZES, **MASKABLE}
    ]
    ordered = sorted([*others, *rendered], key=lambda line: line.split()[1])
    sums.write_text("\n".join(ordered) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
