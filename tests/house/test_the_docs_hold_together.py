"""The documentation names only sections, codes, records and pages that exist."""

import re
from configparser import ConfigParser
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import pytest

from firebell.worker_lanes import LANE_LIMITS_S
from tests.house.source import ROOT, SRC

DOCS = ROOT / "docs"
RECORDS = DOCS / "decisions"
ENTRANCES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md", "CODE_OF_CONDUCT.md")
PAGES = sorted([*DOCS.rglob("*.md"), *(ROOT / name for name in ENTRANCES if (ROOT / name).exists())])
READ = [
    path
    for folder in ("src", "tests", "bench", "tools", "docs")
    for path in sorted((ROOT / folder).rglob("*"))
    if path.suffix in (".py", ".sql", ".html", ".js", ".md") and path != Path(__file__)
]

_SECTION = re.compile(r"^#+ (?P<number>\d+(?:\.\d+)?)\.? ", re.M)
_REFERENCE = re.compile(r"\bspec (?P<number>\d+(?:\.\d+)?)")
_CODE = re.compile(
    r"\b[ACFIMNPRSTY]-[A-Z]{4,}(?:-[A-Z]+)?\b|\b(?:[CS]-(?:DUE|GAP)|T-(?:ETA|LAG)|X-(?:ACCESS|ASSIGNEE|CONFLICT|GONE|REFUSED))\b"
)
_INVARIANT = re.compile(
    r"\((?:spec [\d.]+,? )?(?P<ids>(?:LC|[AGIPT])\d\d?(?:(?:, | to )(?:LC|[AGIPT])\d\d?)*)\)"
)
_ROW = re.compile(r"^\| (?P<code>[A-Z]-[A-Z-]+) \|", re.M)
_LINK = re.compile(r"!?\[[^\]]*\]\((?P<target>[^)\s]+)\)")
_FENCE = re.compile(r"^(```|~~~).*?^\1", re.M | re.S)
_INLINE_CODE = re.compile(r"`[^`\n]*`")


@cache
def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def _prose(path: Path) -> str:
    return _INLINE_CODE.sub("`code`", _FENCE.sub("", _text(path)))


def _links(path: Path) -> list[str]:
    return [m["target"] for m in _LINK.finditer(_prose(path))]


def _anchor(heading: str) -> str:
    """Return the fragment that GitHub gives a heading."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").strip().lower()
    return re.sub(r"[^\w\- ]", "", text).replace(" ", "-")


@cache
def _anchors(path: Path) -> set[str]:
    anchors: set[str] = set()
    for heading in re.findall(r"^#+ +(.+)$", _FENCE.sub("", _text(path)), re.M):
        anchor, repeats = _anchor(heading), 0
        while (unique := f"{anchor}-{repeats}" if repeats else anchor) in anchors:
            repeats += 1
        anchors.add(unique)
    return anchors


def _target(page: Path, link: str) -> tuple[Path, str] | None:
    """Return the file and fragment of a relative link; None for one that leaves the repository."""
    if re.match(r"[a-z][a-z0-9+.-]*:|//", link):
        return None
    path, _, fragment = unquote(link).partition("#")
    return ((page.parent / path).resolve() if path else page), fragment


@pytest.mark.parametrize("page", PAGES, ids=[str(p.relative_to(ROOT)) for p in PAGES])
def test_no_relative_link_is_dead(page: Path) -> None:
    targets = [(link, _target(page, link)) for link in _links(page)]
    dead = [
        link
        for link, target in targets
        if target
        and not (
            target[0].exists()
            and (not target[1] or target[0].suffix != ".md" or target[1] in _anchors(target[0]))
        )
    ]
    assert not dead


def test_every_page_is_reached_from_the_index() -> None:
    visited, waiting = set(), [DOCS / "README.md"]
    while waiting:
        page = waiting.pop()
        if page in visited:
            continue
        visited.add(page)
        linked = [target[0] for link in _links(page) if (target := _target(page, link))]
        waiting += [path for path in linked if path.suffix == ".md" and path.exists()]
    assert {str(p.relative_to(ROOT)) for p in set(DOCS.rglob("*.md")) - visited} == set()


def _numbers() -> set[str]:
    return {m["number"] for path in (DOCS / "spec").glob("*.md") for m in _SECTION.finditer(_text(path))}


def test_every_section_of_the_spec_that_is_named_exists() -> None:
    named = {
        (m["number"], str(path.relative_to(ROOT))) for path in READ for m in _REFERENCE.finditer(_text(path))
    }
    assert len(named) > 40
    assert not {(number, where) for number, where in named if number not in _numbers()}


def test_every_invariant_that_is_named_exists() -> None:
    listed = {
        code
        for path in (DOCS / "spec").glob("*.md")
        for code in re.findall(r"^- ((?:LC|[AGIPT])\d\d?)\b", _text(path), re.M)
    }
    named = {
        (code, str(path.relative_to(ROOT)))
        for path in READ
        if path.is_relative_to(SRC)
        for m in _INVARIANT.finditer(_text(path))
        for code in re.findall(r"(?:LC|[AGIPT])\d\d?", m["ids"])
    }
    assert len(named) > 8
    assert not {(code, where) for code, where in named if code not in listed}


def _tables() -> tuple[list[str], list[str]]:
    """Return the codes that the program checks, and those that people check."""
    page = _text(DOCS / "reference" / "checks.md")
    program, people = page.partition("## Checked by people")[::2]
    return [m["code"] for m in _ROW.finditer(program)], [m["code"] for m in _ROW.finditer(people)]


def test_each_code_has_one_row() -> None:
    codes = [code for table in _tables() for code in table]
    assert sorted(codes) == sorted(set(codes))


def test_the_list_of_codes_has_every_code_of_the_program_and_no_other() -> None:
    in_source = {code for path in READ if path.is_relative_to(SRC) for code in _CODE.findall(_text(path))}
    assert in_source == set(_tables()[0])


def test_every_code_that_the_docs_or_the_handbook_name_is_listed() -> None:
    handbook = sorted((ROOT / "skills").rglob("*.md"))
    listed = {code for table in _tables() for code in table}
    named = {
        (code, str(path.relative_to(ROOT)))
        for path in [*PAGES, *handbook]
        for code in _CODE.findall(_text(path))
    }
    assert not {(code, where) for code, where in named if code not in listed}


def test_the_list_of_decisions_is_that_of_the_records() -> None:
    row = re.compile(
        r"^\| (?P<number>\d{4}) \| \[(?P<title>[^\]]+)\]\((?P<file>[^)]+)\) \| (?P<date>[\d-]+) \| (?P<status>\w+)",
        re.M,
    )
    head = re.compile(
        r"# (?P<number>\d{4}): (?P<title>.+)\n\n- \*\*Date:\*\* (?P<date>[\d-]+)\n- \*\*Status:\*\* (?P<status>\w+)"
    )
    listed = [m.groupdict() for m in row.finditer(_text(RECORDS / "README.md"))]
    records = []
    for path in sorted(RECORDS.glob("0*.md")):
        match = head.match(_text(path))
        assert match, path.name
        assert re.findall(r"^## (.+)", _text(path), re.M) == ["Context", "Decision", "Consequences"]
        records.append({**match.groupdict(), "file": path.name})
    assert listed == records
    assert [r["number"] for r in records] == [f"{n:04}" for n in range(1, len(records) + 1)]
    assert all(r["file"].startswith(r["number"]) for r in records)


def test_every_decision_that_is_named_exists() -> None:
    known = {path.name[:4] for path in RECORDS.glob("0*.md")}
    named = {
        (number, str(path.relative_to(ROOT)))
        for path in READ
        for number in re.findall(r"\b[Dd]ecisions?(?: \[|/| )(\d{3,4})\b", _text(path))
    }
    assert len(named) > 5
    assert not {(number, where) for number, where in named if number not in known}


def test_every_module_that_the_house_names_exists() -> None:
    files = [path.relative_to(SRC) for path in SRC.rglob("*") if path.is_file()]
    names = {path.name for path in files}
    modules = {".".join(path.with_suffix("").parts) for path in files if path.suffix == ".py"}
    packages = {module.rpartition(".")[0] for module in modules}
    text = _text(DOCS / "house.md")
    missing = [name for name in re.findall(r"`(\w+\.(?:py|js|css|html))`", text) if name not in names]
    missing += [
        name
        for name in re.findall(r"`(\w+(?:\.\w+)+)`", text)
        if name.partition(".")[0] in packages
        and not ({name} & packages or {name, name.rpartition(".")[0]} & modules)
    ]
    assert missing == []


def test_the_words_of_each_table_of_the_glossary_are_in_order() -> None:
    tables = re.findall(r"^\|-.*\n((?:\|.*\n?)+)", _text(DOCS / "glossary.md"), re.M)
    words = [[row.split("|")[1].strip().casefold() for row in table.splitlines()] for table in tables]
    assert len(words) > 4
    assert words == [sorted(table, key=lambda word: re.sub(r"[^a-z0-9 ]", "", word)) for table in words]


def test_the_layers_of_the_house_are_those_of_the_import_linter() -> None:
    config = ConfigParser()
    config.read(ROOT / ".importlinter")
    _, _, listed = config["importlinter:contract:layers"]["layers"].partition("firebell.slices")
    layers = [set(re.findall(r"firebell\.(\w+)", line)) for line in listed.splitlines()]
    packages = {path.parent.name for path in SRC.glob("*/__init__.py")}
    (drawn,) = re.findall(r"^kit <- .*$", _text(DOCS / "house.md"), re.M)
    assert [set(re.findall(r"\w+", part)) for part in drawn.split("<-")] == [
        layer & packages for layer in reversed(layers) if layer & packages
    ]


def test_every_lane_of_the_worker_is_in_the_table_of_healthz() -> None:
    named = re.findall(r"`lane (\w+)`", _text(DOCS / "operating.md"))
    assert sorted(named) == sorted(LANE_LIMITS_S)
