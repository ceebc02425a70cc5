"""Makes the icons of the installed app from `favicon.svg`, and writes their hashes into `SHA256SUMS`.

Needs Playwright with a Chromium (`CHROMIUM`, else /usr/bin/chromium). Only a maintainer runs this.
"""

import hashlib
import os
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

STATIC = Path(__file__).parent.parent / "src" / "firebell" / "static"
GROUND = "#1c1a17"
SIZES = {"icons/icon-192.png": 192, "icons/icon-512.png": 512}
MASKABLE = {"icons/maskable-192.png": 192, "icons/maskable-512.png": 512, "icons/apple-touch-icon.png": 180}
SAFE = 0.68
"""Part of a maskable icon that the mark takes: launchers cut off everything outside the middle 80%."""


def drawing(size: int, *, maskable: bool) -> str:
    """Return a document that shows the mark at `size` pixels; a maskable one fills the whole square."""
    svg = (STATIC / "favicon.svg").read_text(encoding="utf-8")
    side, ground = (round(size * SAFE), GROUND) if maskable else (size, "transparent")
    style = f"margin:0;width:{size}px;height:{size}px;background:{ground};display:grid;place-items:center"
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
            page.set_content(drawing(size, maskable=name in MASKABLE))
            page.screenshot(path=STATIC / name, omit_background=True)
        browser.close()
    sums = STATIC / "SHA256SUMS"
    others = [line for line in sums.read_text(encoding="utf-8").splitlines() if "  icons/" not in line]
    made = [f"{hashlib.sha256((STATIC / n).read_bytes()).hexdigest()}  {n}" for n in {**SIZES, **MASKABLE}]
    ordered = sorted([*others, *made], key=lambda line: line.split()[1])
    sums.write_text("\n".join(ordered) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
