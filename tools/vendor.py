"""Makes the committed browser assets: one sprite of the Lucide icons that the templates use.

Reads `vendor.txt`: the npm package on the first line, icon names after it. Only a maintainer runs this; a user
never needs node.
"""

import hashlib
import json
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
OUT = HERE.parent / "src" / "firebell" / "static" / "vendor"


def symbol(name: str, svg: str) -> str:
    """Return one icon as a symbol of the sprite."""
    inner = re.search(r"<svg[^>]*>(.*?)</svg>", svg, re.DOTALL)
    assert inner, name
    return f'<symbol id="i-{name}" viewBox="0 0 24 24">{" ".join(inner[1].split())}</symbol>'


def main() -> int:
    """Fetch the package, write the sprite, and note its hash beside it."""
    first, *rest = (HERE / "vendor.txt").read_text(encoding="utf-8").splitlines()
    package, _ = first.split()
    names = " ".join(rest).split()
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", "--silent", package], cwd=folder, check=True, stdout=sys.stderr)
        (archive,) = Path(folder).glob("*.tgz")
        with tarfile.open(archive) as tar:
            tar.extractall(folder, filter="data")
        root = Path(folder) / "package"
        icons = [(n, (root / "icons" / f"{n}.svg").read_text(encoding="utf-8")) for n in names]
        licence = (root / "LICENSE").read_text(encoding="utf-8")
    OUT.mkdir(exist_ok=True)
    body = "".join(symbol(name, svg) for name, svg in icons)
    sprite = f'<svg xmlns="http://www.w3.org/2000/svg">{body}</svg>\n'
    (OUT / "icons.svg").write_text(sprite, encoding="utf-8")
    (OUT / "LUCIDE-LICENSE").write_text(licence, encoding="utf-8")
    hashes = {"icons.svg": {"from": package, "sha256": hashlib.sha256(sprite.encode()).hexdigest()}}
    (OUT / "vendored.json").write_text(json.dumps(hashes, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
