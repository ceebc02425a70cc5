"""Fails if a source file has more lines than its budget."""

import sys
from pathlib import Path

LINE_LIMITS = {".py": 500, ".sql": 200, ".html": 200}
ROOTS = ("src", "skills", "tests", "tools", "bench")


def main() -> int:
    """Print every file over its limit; return 1 if there are any."""
    too_long = 0
    for root in ROOTS:
        for path in sorted(Path(root).rglob("*")):
            limit = LINE_LIMITS.get(path.suffix)
            if limit is None or "vendor" in path.parts:
                continue
            lines = len(path.read_text(encoding="utf-8").splitlines())
            if lines > limit:
                print(f"{path}: {lines} lines, limit {limit}. Split it.")
                too_long += 1
    return 1 if too_long else 0


if __name__ == "__main__":
    sys.exit(main())
