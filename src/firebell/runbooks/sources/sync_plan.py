"""Which files become runbooks, and what a commit changes (pure, spec 11.2)."""

import posixpath
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import lru_cache

from firebell.kit.text import slugify
from firebell.runbooks.model import Runbook, digest
from firebell.runbooks.sources.model import Prepared, PreparedFiles, SourceFile, SourceFinding, SyncPlan

ARCHIVE_MIN = 3
"""A commit may archive this many runbooks without a person, whatever their share."""
SCENARIO_SUFFIXES = (".scenario.yaml", ".scenario.yml")
RULE_FILE_SUFFIXES = (".yaml", ".yml")
SCENARIO_MAX_BYTES = 64 * 1024
SCENARIOS_MAX = 100
"""Number of scenarios of one source."""
_NOT_RUNBOOKS = frozenset({"readme.md", "_index.md"})
_GLOB = re.compile(r"\*\*/|\*\*|\*|\?|[^*?]+")
_GLOB_REGEX = {"**/": "(?:[^/]+/)*", "**": ".*", "*": "[^/]*", "?": "[^/]"}


@lru_cache(maxsize=512)
def _pattern(glob: str) -> re.Pattern[str]:
    return re.compile("".join(_GLOB_REGEX.get(part) or re.escape(part) for part in _GLOB.findall(glob)))


def is_runbook(path: str, globs: Iterable[str]) -> bool:
    """Return True if a path below the root matches a pattern and is no README and in no hidden folder."""
    *folders, name = path.split("/")
    if name.lower() in _NOT_RUNBOOKS or any(part.startswith(".") for part in (*folders, name)):
        return False
    return any(_pattern(glob).fullmatch(path) for glob in globs)


def is_scenario(path: str) -> bool:
    """Return True if a path is that of a scenario of a drill, and is in no hidden folder."""
    *folders, name = path.split("/")
    return name.lower().endswith(SCENARIO_SUFFIXES) and not any(
        part.startswith(".") for part in (*folders, name)
    )


def is_rule_file(path: str) -> bool:
    """Return True if a file that matches the paths of a source is read as a Prometheus rule file."""
    return path.lower().endswith(RULE_FILE_SUFFIXES) and not is_scenario(path)


def is_read(path: str, globs: Iterable[str]) -> bool:
    """Return True if a file of a source is read: a runbook or rule file below its paths, or a scenario anywhere."""
    return is_scenario(path) or is_runbook(path, globs)


def scenario_refusal(file: SourceFile, place: int) -> SourceFinding | None:
    """Return why a scenario file is not stored, None if it is; `place` is its number among the scenarios."""
    if file.body is None:
        return SourceFinding(file.path, file.problem, "Correct the file.")
    if len(file.body.encode()) > SCENARIO_MAX_BYTES:
        return SourceFinding(
            file.path, f"The scenario is larger than {SCENARIO_MAX_BYTES // 1024} KiB.", "Shorten it."
        )
    if place >= SCENARIOS_MAX:
        return SourceFinding(
            file.path, f"The source has more than {SCENARIOS_MAX} scenarios.", "Remove some of them."
        )
    return None


def decoded(path: str, data: bytes, most_chars: int) -> SourceFile:
    """Return a file as text, or the reason why it cannot be taken.

    A rule file stays as it is, because a difference from it must apply; others get Unix line endings.
    """
    is_exact = is_rule_file(path)
    try:
        text = data.decode("utf-8" if is_exact else "utf-8-sig")
    except UnicodeDecodeError as error:
        return SourceFile(path, None, f"It is not UTF-8 text: {error.reason} at byte {error.start}.")
    if "\0" in text:
        return SourceFile(path, None, "It contains a NUL character.")
    if len(text) > most_chars:
        return SourceFile(path, None, f"It has more than {most_chars:,} characters.")
    if not text.strip():
        return SourceFile(path, None, "It is empty.")
    return SourceFile(path, text if is_exact else text.replace("\r\n", "\n").replace("\r", "\n"))


def slug_of_path(path: str) -> str:
    """Return the slug that the name of a file gives."""
    return slugify(posixpath.basename(path).removesuffix(".md"))


def slug_of(file: SourceFile, runbook: Runbook) -> str:
    """Return the slug of a file: the `id` of its front matter, else its name."""
    return slugify(runbook.front.id) if runbook.front.id else slug_of_path(file.path)


def refusal(file: SourceFile, runbook: Runbook, slug: str, reserved: Collection[str]) -> SourceFinding | None:
    """Return why a readable file is not taken, None if it is."""
    if runbook.front.refused:
        problem = runbook.front.problems[0]
        return SourceFinding(file.path, problem.message, problem.advice, problem.line)
    if not runbook.title:
        return SourceFinding(
            file.path, "It has no title.", "Begin with a line such as '# Database failover'."
        )
    name = posixpath.basename(file.path).removesuffix(".md")
    if not runbook.front.id and not any(unicodedata.category(char)[0] in "LN" for char in name):
        return SourceFinding(
            file.path, "Its name has no letter or digit.", "Rename it, or set 'id' in its front matter."
        )
    if slug in reserved:
        return SourceFinding(file.path, f"The address {slug} is taken by another screen.", "Rename it.")
    return None


def plan(
    files: PreparedFiles, current: Mapping[str, str], archived: Collection[str], elsewhere: Mapping[str, str]
) -> SyncPlan:
    """Return what a commit changes.

    `current` has the digest of each runbook of this source, `archived` those of them that are archived.
    `elsewhere` are the slugs that other sources keep, with the names of these. Of two files with one slug neither
    is taken, and the old text of a file that is not taken stays.
    """
    prepared, present = files.prepared, files.refused_slugs
    findings = list(files.refused)
    paths: dict[str, list[str]] = {}
    for file in prepared:
        paths.setdefault(file.slug, []).append(file.path)
    kept = set(present)
    changed, unchanged, returned = [], [], []
    for file in prepared:
        others = [path for path in paths[file.slug] if path != file.path]
        if others or file.slug in present:
            findings.append(_same_slug(file, others))
        elif file.slug in elsewhere:
            message = f"The runbook {file.slug} is kept in the source {elsewhere[file.slug]}."
            findings.append(SourceFinding(file.path, message, "Rename one of the files, or set 'id'."))
            continue
        elif current.get(file.slug) != digest(file.body):
            changed.append(file)
        elif file.slug in archived:
            returned.append(file.slug)
        else:
            unchanged.append(file.slug)
        kept.add(file.slug)
    gone = sorted(set(current) - set(archived) - kept)
    return SyncPlan(
        tuple(changed),
        tuple(unchanged),
        tuple(returned),
        tuple(gone),
        tuple(sorted(findings, key=lambda f: (f.path, f.message))),
    )


def _same_slug(file: Prepared, others: Sequence[str]) -> SourceFinding:
    return SourceFinding(
        file.path,
        f"It would be the same runbook as {', '.join(others) or 'another file'}: {file.slug}.",
        "Rename one of them, or set 'id' in its front matter.",
    )


def needs_approval(sync_plan: SyncPlan, runbooks: int) -> bool:
    """Return True if a person must allow a commit: it archives more than half of a source, and more than three."""
    return len(sync_plan.gone) > ARCHIVE_MIN and 2 * len(sync_plan.gone) > runbooks
