"""Builds the committed browser assets: the sprite of Lucide icons, the Geist fonts, and the number classes.

Reads the npm packages with the SHA-256 of their archives from `vendor.txt`, and the names of the icons from
`icons.txt`. Writes `SHA256SUMS` next to the assets. Only maintainers need to run this, with npm.
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
COPIED = {
    "fonts/geist.woff2": "@fontsource-variable/geist/files/geist-latin-wght-normal.woff2",
    "fonts/geist-mono.woff2": "@fontsource-variable/geist-mono/files/geist-mono-latin-wght-normal.woff2",
    "fonts/GEIST-OFL.txt": "@fontsource-variable/geist/LICENSE",
    "vendor/LUCIDE-LICENSE": "lucide-static/LICENSE",
}


def symbol(name: str, svg: str) -> str:
    """Return an icon as a symbol of the sprite."""
    inner = re.search(r"<svg[^>]*>(.*?)</svg>", svg, re.DOTALL)
    assert inner, name
    return f'<symbol id="i-{name}" viewBox="0 0 24 24">{" ".join(inner[1].split())}</symbol>\n'


def scale() -> str:
    """Return the classes for bar values, hues and rota columns, so that no screen needs inline styles."""
    rules = [f".v-{i}{f',.s-{i}' if 0 < i < 57 else ''}{{--v:{i}}}" for i in range(101)]
    rules += [f".c-{i}{{--c:{i + 1}}}" for i in range(57)]
    rules += [f".h-{i}{{--h:{i * 30 + 20}}}" for i in range(12)]
    rules += [".sh,.gap,.sel{grid-column:var(--c)/span var(--v)}"]
    return "/* Made by tools/vendor.py. */\n@layer util {\n" + "\n".join(rules) + "\n}\n"


def fetch(package: str, sha256: str, folder: Path) -> None:
    """Unpack a package under its name; raise `SystemExit` if its archive does not match the hash."""
    subprocess.run(["npm", "pack", "--silent", package], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    (archive,) = folder.glob("*.tgz")
    actual = hashlib.sha256(archive.read_bytes()).hexdigest()
    if actual != sha256:
        raise SystemExit(
            f"{package} has the SHA-256 {actual}, not {sha256}. Check why before you change the hash."
        )
    name = package.rpartition("@")[0]
    with tarfile.open(archive) as tar:
        tar.extractall(folder / "unpacked", filter="data")
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / "unpacked" / "package").rename(folder / name)
    archive.unlink()


def main() -> int:
    """Write every asset and their hashes."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        for line in (HERE / "vendor.txt").read_text(encoding="utf-8").splitlines():
            package, sha256 = line.split()
            fetch(package, sha256, root)
        icons = (HERE / "icons.txt").read_text(encoding="utf-8").split()
        svgs = {i: (root / "lucide-static" / "icons" / f"{i}.svg").read_text(encoding="utf-8") for i in icons}
        for target, source in COPIED.items():
            (STATIC / target).write_bytes((root / source).read_bytes())
    body = "".join(symbol(icon, svg) for icon, svg in svgs.items())
    sprite = STATIC / "vendor" / "icons.svg"
    sprite.write_text(f'<svg xmlns="http://www.w3.org/2000/svg">\n{body}</svg>\n', encoding="utf-8")
    (STATIC / "scale.css").write_text(scale(), encoding="utf-8")
    built = sorted([*COPIED, "vendor/icons.svg", "scale.css"])
    app_icons = [f"icons/{p.name}" for p in (STATIC / "icons").glob("*.png")]
    sums = [
        f"{hashlib.sha256((STATIC / m).read_bytes()).hexdigest()}  {m}\n"
        for m in sorted([*built, *app_icons])
    ]
    (STATIC / "SHA256SUMS").write_text("".join(sums), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
