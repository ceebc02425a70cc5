"""Makes the committed browser assets: one sprite of Lucide icons, and the classes that stand for numbers.

Reads `vendor.txt`: the npm package and the SHA-256 of its archive on the first line, icon names after it. Only
a maintainer runs this; a user never needs node.
"""

import hashlib
import re
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
STATIC = HERE.parent / "src" / "firebell" / "static"


def symbol(name: str, svg: str) -> str:
    """Return one icon as a symbol of the sprite."""
    inner = re.search(r"<svg[^>]*>(.*?)</svg>", svg, re.DOTALL)
    assert inner, name
    return f'<symbol id="i-{name}" viewBox="0 0 24 24">{" ".join(inner[1].split())}</symbol>\n'


def scale() -> str:
    """Return the classes for bar values, hues and rota columns, so that no page needs an inline style."""
    rules = [f".v-{i}{{--v:{i}}}" for i in range(101)]
    rules += [f".h-{i}{{--h:{i * 30 + 20}}}" for i in range(12)]
    rules += [f".c-{i}{{grid-column-start:{i + 1}}}" for i in range(57)]
    rules += [f".s-{i}{{grid-column-end:span {i}}}" for i in range(1, 57)]
    rules += [f".x-{i}{{--x:{i / 1000:.2f}}}" for i in range(0, 1001, 10)]
    return "/* Made by tools/vendor.py. */\n@layer util {\n" + "\n".join(rules) + "\n}\n"


def fetch(package: str, sha256: str, folder: Path) -> Path:
    """Return the unpacked package; raise `SystemExit` when its archive is not the pinned one."""
    subprocess.run(["npm", "pack", "--silent", package], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    (archive,) = folder.glob("*.tgz")
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != sha256:
        raise SystemExit(
            f"{package} has the SHA-256 {found}, vendor.txt says {sha256}: look before you trust it"
        )
    with tarfile.open(archive) as tar:
        tar.extractall(folder, filter="data")
    return folder / "package"


def main() -> int:
    """Write the sprite, its licence and `scale.css`."""
    first, *rest = (HERE / "vendor.txt").read_text(encoding="utf-8").splitlines()
    package, sha256 = first.split()
    out = STATIC / "vendor"
    out.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        root = fetch(package, sha256, Path(name))
        icons = " ".join(rest).split()
        body = "".join(symbol(i, (root / "icons" / f"{i}.svg").read_text(encoding="utf-8")) for i in icons)
        (out / "LUCIDE-LICENSE").write_bytes((root / "LICENSE").read_bytes())
    sprite = f'<svg xmlns="http://www.w3.org/2000/svg">\n{body}</svg>\n'
    (out / "icons.svg").write_text(sprite, encoding="utf-8")
    (STATIC / "scale.css").write_text(scale(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
