"""Parsing and checking runbooks: parts, owner, age, links, code blocks, steps, each finding at its line."""

import re
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firebell.kit.findings import FindingLevel
from firebell.kit.markdown import anchors
from firebell.runbooks.blank import blank_runbook
from firebell.runbooks.model import PARTS, RunbookFinding
from firebell.runbooks.parse import read
from firebell.runbooks.runbook_html import app_address, rendered
from firebell.runbooks.text_checks import RULES, check, owning_team, targets

TODAY = date(2026, 11, 24)
GOOD = """# Payments failover

For the ledger's database.

## Trigger

The page `LedgerDown`.

## Severity

SEV1, see [below](#rollback).

## Prerequisites

A shell.

## Steps

### 1. Look

```bash
pg_isready -h "$PGHOST"
```

Expected:

```text
accepting connections
```

### 2. Say so

Write it into the channel.

## Verification

Orders arrive.

## Rollback

Go back as in [the other one](other.md).

## Owner

**Payments**, with storage

## Last updated

2026-11-13, by Priya
"""


def checked(text: str, **more: object) -> list[RunbookFinding]:
    """Return the findings of a text on the day of these tests."""
    return check(read(text), TODAY, **more)  # type: ignore[arg-type]


def summary(text: str, **more: object) -> list[tuple[str, str, int]]:
    """Return (id, level, line) of each finding."""
    return [(f.id, str(f.level), f.line) for f in checked(text, **more)]


def line_of(text: str, fragment: str) -> int:
    """Return the first line that contains the words."""
    return next(n for n, line in enumerate(text.splitlines(), 1) if fragment in line)


def test_a_good_runbook_is_read_whole_and_has_no_finding() -> None:
    runbook = read(GOOD)
    assert runbook.title == "Payments failover"
    assert tuple(p.name for p in runbook.parts) == PARTS
    assert (runbook.owner, runbook.updated) == ("Payments, with storage", date(2026, 11, 13))
    assert [s.title for s in runbook.steps] == ["1. Look", "2. Say so"]
    (command,) = runbook.commands("Steps", "1. Look")
    assert command.text == 'pg_isready -h "$PGHOST"\n'
    assert command.line == line_of(GOOD, "```bash")
    assert [link.target for link in runbook.links] == ["#rollback", "other.md"]
    assert summary(GOOD, existing={"runbooks/other.md"}, folder="runbooks", teams=["Payments"]) == []


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_is_missing_or_empty_is_named(part: str) -> None:
    head = f"## {part}\n"
    start = GOOD.index(head)
    end = GOOD.find("\n## ", start) + 1 or len(GOOD)
    without = GOOD[:start] + GOOD[end:]
    missing = [f for f in checked(without) if f.id == "R-PART"]
    assert [(f.level, f.message) for f in missing] == [(FindingLevel.ERROR, f"The part {part} is missing.")]
    assert f"'## {part}'" in missing[0].advice

    empty = GOOD[: start + len(head)] + "\n" + GOOD[end:]
    (hollow,) = [f for f in checked(empty) if f.id == "R-PART"]
    assert (hollow.message, hollow.line) == (f"The part {part} is empty.", line_of(empty, head.strip()))


def test_parts_out_of_order_twice_or_unknown_are_named() -> None:
    swapped = (
        GOOD.replace("## Severity", "## X").replace("## Trigger", "## Severity").replace("## X", "## Trigger")
    )
    assert summary(swapped) == [("R-PART", "error", line_of(swapped, "## Trigger"))]
    assert checked(swapped)[0].message == "The part Trigger comes after Severity."
    twice = GOOD + "\n## Owner\n\nStorage\n"
    assert "The part Owner appears twice." in [f.message for f in checked(twice)]
    more = GOOD.replace("### 2. Say so", "## Background")
    assert ("R-PART", "warning", line_of(more, "## Background")) in summary(more)
    assert next(f.message for f in checked("Text")) == "The runbook has no title."


def test_a_heading_inside_a_block_is_no_part() -> None:
    text = GOOD.replace("accepting connections", "## Owner")
    assert summary(text) == []


def test_lines_are_counted_as_markdown_counts_them() -> None:
    text = GOOD.replace("For the ledger's database.", "A form feed \x0c and \u2028 end no line.")
    windows = text.replace("**Payments**, with storage", "TBD").replace("\n", "\r\n")
    assert summary(windows) == [("R-OWNER", "error", line_of(GOOD, "## Owner"))]
    assert tuple(p.name for p in read(windows).parts) == PARTS
    owner = read(text).part("Owner")
    assert owner
    assert owner.body == "**Payments**, with storage"


def test_a_runbooks_owner_must_be_named_and_a_team() -> None:
    nobody = GOOD.replace("**Payments**, with storage", "TBD")
    assert summary(nobody) == [("R-OWNER", "error", line_of(nobody, "## Owner"))]
    for line in ("-", "???", "nobody yet", "N/A"):
        assert "R-OWNER" in [f.id for f in checked(GOOD.replace("**Payments**, with storage", line))], line
    assert summary(GOOD, teams=["Search"]) == [("R-OWNER", "warning", line_of(GOOD, "## Owner"))]
    assert "Search" in checked(GOOD, teams=["Search"])[0].advice
    assert owning_team("payments, with storage", ["Pay", "Payments"]) == "Payments"
    assert owning_team("Paymentship", ["Payments"]) is None


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("2026-08-26", []),
        ("2026-08-25", [("R-STALE", "warning")]),
        ("Reviewed 2026-11-24 in a drill", []),
        ("2026-11-25", []),
        ("2026-11-26", [("R-DATE", "error")]),
        ("24/11/2026", [("R-DATE", "error")]),
        ("2026-13-01", [("R-DATE", "error")]),
    ],
)
def test_the_date_is_there_is_past_and_is_not_long_ago(line: str, expected: list[tuple[str, str]]) -> None:
    text = GOOD.replace("2026-11-13, by Priya", line)
    assert [(id_, level) for id_, level, _ in summary(text)] == expected
    assert not [f for f in checked(text, max_age_days=91) if f.id == "R-STALE"]


@given(st.dates(TODAY - timedelta(days=400), TODAY), st.integers(1, 400))
def test_a_runbook_is_stale_exactly_when_its_age_is_above_the_limit(updated: date, limit: int) -> None:
    text = GOOD.replace("2026-11-13, by Priya", updated.isoformat())
    stale = [f for f in checked(text, max_age_days=limit) if f.id == "R-STALE"]
    assert bool(stale) is ((TODAY - updated).days > limit)


def test_links_lead_to_what_exists_and_to_headings() -> None:
    assert summary(GOOD, existing=set(), folder="runbooks") == [
        ("R-LINK", "error", line_of(GOOD, "other.md"))
    ]
    assert targets(read(GOOD), "a/runbooks") == {"a/runbooks/other.md"}
    up = GOOD.replace("other.md", "../docs/x%20y.md#part")
    assert targets(read(up), "a/runbooks") == {"a/docs/x y.md"}
    rooted = GOOD.replace("other.md", "/docs/x.md")
    assert targets(read(rooted), "a/runbooks") == {"docs/x.md"}
    web = GOOD.replace("other.md", "https://example.org/x.md")
    assert targets(read(web), "a") == frozenset()
    assert summary(web, existing=set()) == []
    nowhere = GOOD.replace("#rollback", "#roll-back")
    assert summary(nowhere) == [("R-LINK", "error", line_of(nowhere, "#roll-back"))]


def test_fences_are_closed_say_their_language_and_are_whole() -> None:
    bare = GOOD.replace("```text", "```")
    assert summary(bare) == [("R-FENCE", "warning", line_of(bare, "Expected:") + 2)]
    empty = GOOD.replace("accepting connections\n", "")
    assert summary(empty) == [("R-FENCE", "error", line_of(empty, "```text"))]
    open_ = GOOD + "\n```bash\ntrue\n"
    assert summary(open_) == [("R-FENCE", "error", line_of(open_, "true") - 1)]


@pytest.mark.parametrize(
    ("command", "left"),
    [
        ("psql -h <host>", "<host>"),
        ("psql -h <your host>", "<your host>"),
        ("ssh {{ host }}", "{{ host }}"),
        ("TOKEN=YOUR_TOKEN", "YOUR_TOKEN"),
        ("TOKEN=CHANGEME", "CHANGEME"),
        ("sort <in >out", ""),
        ("sort <in 2>err", ""),
        ("cat <<EOF", ""),
        ("curl -s x | grep '<title>'", ""),
        ("docker ps --format '{{.Names}}'", ""),
        ('psql "$(cat <file)" >log', ""),
    ],
)
def test_a_placeholder_is_not_left_in_a_command(command: str, left: str) -> None:
    text = GOOD.replace('pg_isready -h "$PGHOST"', command)
    messages = [f.message for f in checked(text)]
    assert messages == ([f"Placeholder not filled in: {left}."] if left else [])
    if left:
        assert checked(text)[0].line == line_of(text, command)
    assert summary(GOOD.replace("accepting connections", command)) == [], "what is only read may have them"


def test_steps_are_numbered_and_one_is_a_command() -> None:
    plain = GOOD.replace("### 1. Look", "### Look").replace("### 2. Say so", "### Say so")
    assert summary(plain) == [("R-STEP", "error", line_of(plain, "## Steps"))]
    listed = plain.replace("### Look\n", "1. Look\n2. Look again\n")
    assert summary(listed) == []
    assert [s.title for s in read(listed).steps] == ["Look", "Look again"]
    read_only = GOOD.replace("```bash", "```text")
    assert summary(read_only) == [("R-STEP", "error", line_of(read_only, "## Steps"))]


def test_a_numbered_list_may_hold_the_commands() -> None:
    steps = "1. Look:\n\n   ```bash\n   true\n   ```\n\n2. Say so.\n"
    start, end = GOOD.index("### 1. Look"), GOOD.index("## Verification")
    text = GOOD[:start] + steps + "\n" + GOOD[end:]
    assert summary(text) == []
    assert [c.text for c in read(text).commands("Steps")] == ["true\n"]


def test_anchors_are_those_of_github() -> None:
    assert anchors(["1. Say `so`, now!", "Über uns", "a_b - c", "Steps", "Steps"]) == [
        "1-say-so-now",
        "über-uns",
        "a_b---c",
        "steps",
        "steps-1",
    ]


def test_the_blank_runbook_passes_its_own_check() -> None:
    assert checked(blank_runbook(TODAY)) == []


@given(st.text(alphabet=st.sampled_from("#`~->*[](){}<>|!\\ \n\t.1aΩ\u2028\x0b"), max_size=200))
def test_whatever_is_written_is_read_and_shown(text: str) -> None:
    for finding in check(read(text), TODAY, existing=set(), teams=[]):
        assert finding.id in RULES
        assert 1 <= finding.line <= text.count("\n") + 1 or finding.line == 1
        assert finding.message.endswith(".")
        assert finding.advice.endswith(".")
    assert not re.search(r"<script|\son\w+=|javascript:", str(rendered(text)), re.I)


@given(st.permutations(PARTS))
def test_only_the_order_of_the_parts_is_right(order: list[str]) -> None:
    bodies = {p.name: p.body for p in read(GOOD).parts}
    text = "# T\n\n" + "\n\n".join(f"## {name}\n\n{bodies[name]}" for name in order) + "\n"
    wrong = [f for f in checked(text) if "comes after" in f.message]
    assert bool(wrong) is (tuple(order) != PARTS)
    assert {f.id for f in checked(text)} <= {"R-PART"}


def test_the_page_shows_commands_to_copy_headings_to_link_and_nothing_that_runs() -> None:
    text = GOOD.replace("Write it", '<b onclick="x()">Write</b> [it](javascript:alert(1))')
    html = str(rendered(text, lambda slug: slug == "other"))
    assert '<h3 id="1-look">' in html
    assert '<div class="cmd key-card"><code>pg_isready -h "$PGHOST"</code>' in html
    assert html.count("data-copy") == 1, "what a command answers is not copied"
    assert 'href="/runbooks/other"' in html
    assert "<h1" not in html, "the page has the title"
    assert "<b onclick" not in html
    assert "javascript:" not in html.replace("](javascript:alert(1))", "")


@pytest.mark.parametrize(
    ("target", "address"),
    [
        ("other.md#steps", "/runbooks/other#steps"),
        ("gone.md", "/handbook/examples/runbooks/gone"),
        ("../../references/incident-roles.md#a", "/handbook/references/incident-roles#a"),
        ("../../../../docs/x.md", "../../../../docs/x.md"),
        ("#steps", "#steps"),
        ("https://example.org/x.md", "https://example.org/x.md"),
        ("/docs/x.md", "/docs/x.md"),
    ],
)
def test_links_between_runbooks_and_to_the_practice_stay_in_the_product(target: str, address: str) -> None:
    assert app_address(target, lambda slug: slug == "other") == address


def errors(text: str) -> list[str]:
    """Return the errors of a runbook."""
    return [f.message for f in checked(text) if f.level == FindingLevel.ERROR]


def with_block(language: str, text: str) -> str:
    """Return the good runbook with another block in its first step."""
    return GOOD.replace('```bash\npg_isready -h "$PGHOST"\n```', f"```{language}\n{text}\n```")


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("\ufeff" + GOOD, id="byte-order-mark"),
        pytest.param(f"---\ntitle: Failover\ntags: [db]\n---\n{GOOD}", id="front-matter"),
        pytest.param(f"+++\ntitle = 'Failover'\n+++\n\n{GOOD}", id="toml-front-matter"),
        pytest.param("---\ntitle: Failover\n---\n" + GOOD.partition("\n")[2], id="title-in-front-matter"),
        pytest.param(GOOD.replace("### 1. Look", "### Step 1: Look"), id="step-word"),
        pytest.param(GOOD.replace("### 1. Look", "### Step 1 - Look"), id="step-dash"),
        pytest.param(GOOD.replace("## Last updated", "## Last Updated"), id="letter-case"),
        pytest.param(GOOD.replace("## Trigger", "## 1. Trigger"), id="numbered-part"),
        pytest.param(GOOD.replace("2026-11-13, by Priya", "13 November 2026"), id="written-date"),
        pytest.param(GOOD.replace("[below](#rollback)", '<a name="here"></a> [x](#here)'), id="html-anchor"),
        pytest.param(with_block("sql", "select pg_is_in_recovery();"), id="sql"),
        pytest.param(
            with_block("powershell", "Get-Service | Where-Object {$_.Status -eq 'Stopped'}"), id="powershell"
        ),
        pytest.param(with_block("python", 'print(f"{host}")'), id="python"),
        pytest.param(
            with_block("console", "$ kubectl get svc\nNAME   EXTERNAL-IP\nweb    <none>\ndb     <pod-name>"),
            id="output",
        ),
        pytest.param(with_block("bash", "kubectl get svc | grep '<none>'"), id="none"),
        pytest.param(
            with_block("bash", "oc get pods -o go-template='{{range .items}}{{.metadata.name}}{{end}}'"),
            id="go-template",
        ),
        pytest.param(
            with_block("bash", "cat >pool.xml <<EOF\n<pool>\n  <size>3</size>\n</pool>\nEOF"), id="xml"
        ),
        pytest.param(
            with_block(
                "bash", "curl -w '%{http_code}' \"${HOST}\"; git diff @{upstream}; mv a{,.old}; f() { g; }"
            ),
            id="braces",
        ),
        pytest.param(
            with_block("console", "W0917 11:21:46.203938 1688435 daemon.go:662] No answer from <node-ip>:53"),
            id="log-line",
        ),
        pytest.param(
            with_block("console", "  1 drain_controller.go:173] node a: Evicted pod <namespace>/<pod-name>"),
            id="log-line-without-time",
        ),
        pytest.param(
            with_block("bash", 'Warning  ResizeFailed   13m   resizer   resize volume "<volume>" failed'),
            id="event",
        ),
        pytest.param(with_block("bash", '"two resources have one name: <CR1> and <CR2>"'), id="message"),
        pytest.param(
            with_block(
                "bash", "❯ ocm describe cluster web\n\nAPI URL:    https://<address>:6443\nOwner: <name>"
            ),
            id="other-prompt",
        ),
        pytest.param(
            with_block("bash", '# Replace <pod> with a name from the list above\noc logs "${POD:?}"'),
            id="comment",
        ),
        pytest.param(
            with_block("console", '# Replace <pod> with a name from the list above\n$ oc logs "${POD:?}"'),
            id="comment-in-a-session",
        ),
    ],
)
def test_a_sound_runbook_has_no_error(text: str) -> None:
    assert errors(text) == []


def test_a_finding_below_front_matter_has_its_line() -> None:
    text = f"---\ntitle: x\n---\n{with_block('bash', 'psql -h <host>')}"
    assert summary(text) == [("R-FENCE", "error", line_of(text, "<host>"))]


@pytest.mark.parametrize(
    ("command", "left"),
    [
        ("kubectl logs <pod/name>", "<pod/name>"),
        ("kubectl logs <Pod Name (see above)>", "<Pod Name (see above)>"),
        ("aws s3 ls s3://{bucket}/backups", "{bucket}"),
        ("kubectl -n %%NAMESPACE%% get pods", "%%NAMESPACE%%"),
        ("vault login <YOUR_TOKEN>", "<YOUR_TOKEN>"),
        ("Get-Service  -Name <service>", "<service>"),
        ("W=<window>", "<window>"),
    ],
)
def test_a_placeholder_in_any_spelling_is_found_once(command: str, left: str) -> None:
    for text in (with_block("bash", command), with_block("console", f"$ {command}\nok")):
        assert errors(text) == [f"Placeholder not filled in: {left}."]


@pytest.mark.parametrize(
    ("language", "block"),
    [("console", "# oc debug node/<node>"), ("shell", "# NODE='<node>'\n$ oc debug node/$NODE")],
)
def test_a_placeholder_is_found_in_what_only_looks_like_a_comment(language: str, block: str) -> None:
    assert errors(with_block(language, block)) == ["Placeholder not filled in: <node>."]


@pytest.mark.parametrize("title", ["title: Failover", 'title = "Failover"', "weight: 1\ntitle: 'Failover'"])
def test_the_title_may_stand_in_the_front_matter(title: str) -> None:
    fence = "+++" if "=" in title else "---"
    assert read(f"{fence}\n{title}\n{fence}\n\n## Trigger\n").title == "Failover"
    assert read(f"{fence}\n{title}\n{fence}\n\n# Other\n").title == "Other"


@pytest.mark.parametrize("comment", ["<!-- nothing yet -->", "<!--\nWrite here\nhow to go back.\n-->"])
def test_a_part_of_comments_alone_is_empty(comment: str) -> None:
    text = GOOD.replace("Go back as in [the other one](other.md).", comment)
    assert errors(text) == ["The part Rollback is empty."]


def test_an_absolute_link_without_a_suffix_is_an_address_of_the_site_that_shows_it() -> None:
    text = GOOD.replace("](other.md)", "](/docs/add-runbook)")
    assert summary(text, existing=set(), folder="runbooks") == []
    file = GOOD.replace("](other.md)", "](/docs/add-runbook.md)")
    assert summary(file, existing=set(), folder="runbooks") == [
        ("R-LINK", "error", line_of(file, "add-runbook"))
    ]


def test_a_link_may_say_how_its_target_is_shown() -> None:
    text = GOOD.replace("](other.md)", "](other.md?plain=1#L3)").replace(
        "[below]", "![p](p.png?raw=true) [below]"
    )
    assert summary(text, existing={"runbooks/other.md", "runbooks/p.png"}, folder="runbooks") == []
