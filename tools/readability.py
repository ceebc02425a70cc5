"""Measures how hard the texts of the handbook are to read: what customers get, what is said aloud, and the rest.

`python -m tools.readability [REVISION]` prints the Flesch-Kincaid grade of each kind, of the working tree or of a
revision of Git.
"""

import re
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

HANDBOOK = "skills/managing-incidents"
ROOT = Path(__file__).parent.parent
_FENCE = re.compile(r"^```\w*\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_TO_CUSTOMERS = re.compile(
    r"^`((?:status|email)-[a-z]+|holding-statement)` · .*?^```\w+\n(.*?)^```$", re.DOTALL | re.MULTILINE
)
_SPOKEN = re.compile(r"[\"“]([^\"”\n]{12,})[\"”]")
_SENTENCE = re.compile(r"[.!?]+(?=\s|$)|\n+")
_WORD = re.compile(r"[A-Za-z][A-Za-z'’-]*")


def syllables(word: str) -> int:
    """Return the number of groups of vowels, without a silent e at the end, at least 1."""
    low = re.sub(r"[^a-z]", "", word.lower())
    groups = len(re.findall(r"[aeiouy]+", low))
    silent = low.endswith("e") and not low.endswith(("le", "ee")) and groups > 1
    return max(1, groups - silent)


def grade(texts: Iterable[str]) -> float:
    """Return the Flesch-Kincaid grade of texts: the years of school that a reader needs."""
    sentences = [s for text in texts for s in _SENTENCE.split(text) if len(_WORD.findall(s)) > 1]
    words = [word for sentence in sentences for word in _WORD.findall(sentence)]
    if not words:
        return 0.0
    return 0.39 * len(words) / len(sentences) + 11.8 * sum(map(syllables, words)) / len(words) - 15.59


def to_customers(text: str) -> list[str]:
    """Return the bodies of the templates that customers get; a placeholder counts as one short word."""
    return [re.sub(r"\{\{\w+\}\}", "this", body) for _, body in _TO_CUSTOMERS.findall(text)]


def spoken(text: str) -> list[str]:
    """Return what is quoted to be said aloud, in prose and in dialogues."""
    return [m for m in _SPOKEN.findall(_FENCE.sub("", text)) if "`" not in m and "|" not in m]


def prose(text: str) -> list[str]:
    """Return the paragraphs and list items of a text, without code, tables and headings."""
    body = re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL)
    lines = _FENCE.sub("", body).splitlines()
    kept = [
        re.sub(r"\[([^\]]*)\]\([^)]*\)|`[^`]*`", r"\1", line) for line in lines if line[:1] not in ("|", "#")
    ]
    return [line.strip("-* ") for line in kept if line.strip()]


def texts(revision: str = "") -> dict[str, str]:
    """Return the Markdown files of the handbook by path, of the working tree or of a revision."""
    if not revision:
        return {
            str(p.relative_to(ROOT)): p.read_text("utf-8") for p in sorted((ROOT / HANDBOOK).rglob("*.md"))
        }

    def git(*args: str) -> str:
        return subprocess.run(["git", *args], cwd=ROOT, capture_output=True, text=True, check=True).stdout

    paths = git("ls-tree", "-r", "--name-only", revision, HANDBOOK).splitlines()
    return {path: git("show", f"{revision}:{path}") for path in paths if path.endswith(".md")}


KINDS: dict[str, Callable[[str], list[str]]] = {
    "sent to customers": to_customers,
    "said aloud": spoken,
    "prose": prose,
}


def measured(files: dict[str, str]) -> dict[str, float]:
    """Return the grade of each kind of text over all files."""
    return {name: grade([t for text in files.values() for t in kind(text)]) for name, kind in KINDS.items()}


def main(arguments: list[str]) -> int:
    """Print the grades."""
    files = texts(*arguments[:1])
    for name, value in measured(files).items():
        print(f"{name}: grade {value:.1f}")
    words = [len(_WORD.findall(line)) for text in files.values() for line in prose(text)]
    print(
        f"{len(files)} files, {sum(words):,} words of prose, {statistics.median(words):.0f} in the median paragraph"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
