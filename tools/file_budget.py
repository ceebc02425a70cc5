"""Fails when a source file outgrows its budget: a file is one thought."""

import sys
from pathlib import Path

BUDGET = {".py": 500, ".sql": 200, ".html": 200}
ROOTS = ("src", "skills", "tests", "tools", "bench")


def main() -> int:
    """Print every file over its budget; return 1 when there is one."""
    over = 0
    for root in ROOTS:
        for path in sorted(Path(root).rglob("*")):
            limit = BUDGET.get(path.suffix)
            if limit is None or "vendor" in path.parts:
                continue
            lines = len(path.read_text(encoding="utf-8").splitlines())
            if lines > limit:
                print(f"{path}: {lines} lines, budget {limit}: split it by what it does")
                over += 1
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
