"""What a commit changes in the library, which files are taken, and which notifications are believed."""

import hashlib
import hmac
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest

from firebell.kit.errors import Invalid
from firebell.runbooks.file_discovery import gather
from firebell.runbooks.model import IndexEntry, digest
from firebell.runbooks.parse import read
from firebell.runbooks.sources.model import Prepared, PreparedFiles, SourceFile, SourceKind
from firebell.runbooks.sources.signatures import is_signed
from firebell.runbooks.sources.source_settings import clean
from firebell.runbooks.sources.sync_plan import (
    decoded,
    is_read,
    is_runbook,
    is_scenario,
    needs_approval,
    plan,
    refusal,
    scenario_refusal,
    slug_of,
)

GLOBS = ("**/*.md",)


@pytest.mark.parametrize(
    ("path", "globs", "taken"),
    [
        ("a.md", GLOBS, True),
        ("deep/er/a.md", GLOBS, True),
        ("a.MD", GLOBS, False),
        ("a.txt", GLOBS, False),
        ("README.md", GLOBS, False),
        ("x/readme.md", GLOBS, False),
        ("x/_index.md", GLOBS, False),
        (".github/a.md", GLOBS, False),
        ("x/.a.md", GLOBS, False),
        ("runbooks/a.md", ("runbooks/*.md",), True),
        ("runbooks/x/a.md", ("runbooks/*.md",), False),
        ("a+b.md", ("a+b.md",), True),
        ("aab.md", ("a+b.md",), False),
        ("a1.md", ("a?.md",), True),
    ],
)
def test_which_files_are_runbooks(path: str, globs: tuple[str, ...], taken: bool) -> None:
    assert is_runbook(path, globs) is taken
    assert is_read(path, globs) is taken


@pytest.mark.parametrize(
    ("path", "taken"),
    [
        ("disk-full.scenario.yaml", True),
        ("drills/Disk.Scenario.YML", True),
        ("scenario.yaml", False),
        ("drills/disk-full.yaml", False),
        (".github/a.scenario.yaml", False),
        ("drills/.a.scenario.yaml", False),
    ],
)
def test_scenarios_are_read_from_any_folder_by_their_ending(path: str, taken: bool) -> None:
    assert is_read(path, ("runbooks/*.md",)) is taken
    assert is_scenario(path) is taken


@pytest.mark.parametrize(
    ("body", "place", "taken"),
    [("a: 1", 0, True), ("a: 1", 99, True), ("a: 1", 100, False), ("ä" * 32_769, 0, False), (None, 0, False)],
)
def test_a_scenario_that_is_too_large_or_too_many_is_refused(
    body: str | None, place: int, taken: bool
) -> None:
    assert (scenario_refusal(SourceFile("a.scenario.yaml", body, "It is empty."), place) is None) is taken


@pytest.mark.parametrize(
    "data",
    [b"\xff\xfe\x00", b"# A\0", b"", b" \n", b"x" * 201],
    ids=["utf16", "nul", "empty", "blank", "long"],
)
def test_a_file_that_is_not_text_is_not_taken(data: bytes) -> None:
    file = decoded("a.md", data, 200)
    assert file.body is None
    assert file.problem


def test_a_byte_order_mark_and_line_endings_are_normalized() -> None:
    assert decoded("a.md", "\ufeff# Ä\r\nb\rc\n".encode(), 200).body == "# Ä\nb\nc\n"


@pytest.mark.parametrize(
    ("path", "body", "is_refused"),
    [
        ("a.md", "# A", False),
        ("a.md", "No title", True),
        ("a.md", "---\na: &x 1\n---\n# A", True),
        ("🔥.md", "# Fire", True),
        ("🔥.md", "---\nid: fire\n---\n# Fire", False),
        ("über.md", "# Über", False),
        ("new.md", "# New", True),
    ],
)
def test_which_texts_are_taken(path: str, body: str, is_refused: bool) -> None:
    file, runbook = SourceFile(path, body), read(body)
    finding = refusal(file, runbook, slug_of(file, runbook), ("new",))
    assert (finding is not None) is is_refused
    assert finding is None or finding.path == path


def prepared(slug: str, body: str = "# A", path: str = "") -> Prepared:
    """Return a file that can be taken."""
    return Prepared(slug, path or f"{slug}.md", body, IndexEntry(slug, "A"))


def test_a_commit_changes_archives_and_brings_back() -> None:
    files = PreparedFiles((prepared("new"), prepared("changed", "# B"), prepared("same"), prepared("back")))
    current = dict.fromkeys(("changed", "same", "back", "gone", "long-gone"), digest("# A"))
    sync = plan(files, current, {"back", "long-gone"}, {})
    assert [f.slug for f in sync.changed] == ["new", "changed"]
    assert (sync.unchanged, sync.returned, sync.gone) == (("same",), ("back",), ("gone",))
    assert (sync.files, sync.findings) == (4, ())


def test_the_same_commit_twice_changes_nothing() -> None:
    files = PreparedFiles((prepared("a"), prepared("b", "# B")))
    after = {f.slug: digest(f.body) for f in plan(files, {}, set(), {}).changed}
    again = plan(files, after, set(), {})
    assert (again.changed, again.returned, again.gone) == ((), (), ())


def test_of_two_files_with_one_slug_neither_is_taken_and_the_old_text_stays() -> None:
    files = PreparedFiles((prepared("a", path="x/a.md"), prepared("a", "# B", path="y/a.md"), prepared("b")))
    sync = plan(files, {"a": digest("# Old")}, set(), {})
    assert [f.slug for f in sync.changed] == ["b"]
    assert (sync.gone, [f.path for f in sync.findings]) == ((), ["x/a.md", "y/a.md"])


def test_the_old_text_of_a_refused_file_stays_and_another_source_keeps_its_slugs() -> None:
    files = PreparedFiles((prepared("theirs"),), refused_slugs=frozenset({"broken"}))
    sync = plan(files, {"broken": digest("# Old")}, set(), {"theirs": "Operations"})
    assert (sync.changed, sync.gone) == ((), ())
    assert [f.path for f in sync.findings] == ["theirs.md"]


@pytest.mark.parametrize(
    ("gone", "total", "asks"), [(3, 3, False), (4, 4, True), (4, 8, False), (5, 8, True), (5, 10, False)]
)
def test_archiving_more_than_half_and_more_than_three_needs_a_person(
    gone: int, total: int, asks: bool
) -> None:
    current = {f"r{i}": digest("# A") for i in range(total)}
    files = PreparedFiles(tuple(prepared(f"r{i}") for i in range(gone, total)))
    assert needs_approval(plan(files, current, set(), {}), total) is asks


SECRET, BODY, AT = "a secret of 32 bytes, more or less", b'{"ref": "main"}', 1_790_000_000.0


def mac(key: bytes = SECRET.encode(), body: bytes = BODY) -> str:
    """Return the signature of GitHub and Gitea."""
    return hmac.new(key, body, hashlib.sha256).hexdigest()


def standard(at: int, key: bytes = b"k" * 32) -> dict[str, str]:
    """Return the headers of GitLab's signing tokens."""
    signature = b64encode(hmac.digest(key, f"m1.{at}.".encode() + BODY, "sha256")).decode()
    return {
        "webhook-id": "m1",
        "webhook-timestamp": str(at),
        "webhook-signature": f"v1,bm8= v1,{signature}",
    }


GITLAB = f"whsec_{b64encode(b'k' * 32).decode()}"


@pytest.mark.parametrize(
    ("headers", "secret", "good"),
    [
        ({"x-hub-signature-256": f"sha256={mac()}"}, SECRET, True),
        ({"x-gitea-signature": mac(), "x-hub-signature-256": f"sha256={mac()}"}, SECRET, True),
        ({"x-gitlab-token": SECRET}, SECRET, True),
        (standard(int(AT)), GITLAB, True),
        (standard(int(AT) - 301), GITLAB, False),
        ({**standard(int(AT)), "webhook-timestamp": "9" * 400}, GITLAB, False),
        (standard(int(AT)), SECRET, False),
        ({}, SECRET, False),
        ({"x-hub-signature-256": ""}, SECRET, False),
        ({"x-hub-signature-256": f"sha256={mac(body=b'{}')}"}, SECRET, False),
        ({"x-hub-signature-256": f"sha256={mac()}", "x-gitea-signature": "no"}, SECRET, False),
        ({"x-gitlab-token": "ä"}, SECRET, False),
        ({"x-gitlab-token": ""}, "", False),
    ],
)
def test_only_a_signed_notification_is_believed(headers: dict[str, str], secret: str, good: bool) -> None:
    assert is_signed(headers, BODY, secret, AT) is good


@pytest.mark.parametrize(
    ("kind", "more", "field"),
    [
        (SourceKind.GIT, {"url": "ssh://git@example.org/x"}, "url"),
        (SourceKind.GIT, {"url": "https://user:pw@example.org/x"}, "url"),
        (SourceKind.GIT, {"url": "http://git.example.org/x.git", "token": "t"}, "url"),
        (SourceKind.GIT, {"url": "https://git.example.org/x?y"}, "url"),
        (SourceKind.GIT, {"url": "https://git.example.org/x", "ref": "a b"}, "ref"),
        (SourceKind.GIT, {"url": "https://git.example.org/x", "token": "a\nb"}, "token"),
        (SourceKind.PUSH, {"paths": ["/etc/*"]}, "paths"),
        (SourceKind.PUSH, {"paths": ["a/../b"]}, "paths"),
        (SourceKind.PUSH, {"poll_s": 14}, "poll_s"),
        (SourceKind.PUSH, {"name": " "}, "name"),
    ],
)
def test_bad_sources_name_the_field(kind: SourceKind, more: dict[str, Any], field: str) -> None:
    entered: dict[str, Any] = {
        "name": "Ops",
        "url": "",
        "ref": "",
        "paths": [],
        "token": "",
        "poll_s": 60,
        **more,
    }
    with pytest.raises(Invalid) as refused:
        clean(kind, **entered)
    assert list(refused.value.fields) == [field]


def test_a_good_source_gets_the_defaults() -> None:
    settings = clean(SourceKind.GIT, " Ops ", "https://git.example.org/x.git ", " main", ["", " "], " t ", 15)
    assert (settings.name, settings.url, settings.ref) == ("Ops", "https://git.example.org/x.git", "main")
    assert (settings.paths, settings.token) == (("**/*.md",), "t")
    assert clean(SourceKind.DIRECTORY, "Ops", "", "main", (), "t", 15).url == "."


def test_a_push_sends_scenarios_and_a_check_of_runbooks_does_not_read_them(tmp_path: Path) -> None:
    for folder in ("drills", ".git"):
        (tmp_path / folder).mkdir()
    for name in ("a.md", "README.md", "drills/b.scenario.yaml", "drills/c.yaml"):
        (tmp_path / name).write_text("# A")
    assert gather([tmp_path]) == [tmp_path / "a.md"]
    pushed = ["a.md", "drills/b.scenario.yaml"]
    assert gather([tmp_path], for_push=True) == [tmp_path / name for name in pushed]
    with_rules = gather([tmp_path], for_push=True, rules=["drills/*.yaml"])
    assert with_rules == [tmp_path / name for name in (*pushed, "drills/c.yaml")]
