"""Exports: user text is never source, names become roles, and the same document gives the same bytes (pure)."""

import base64
import importlib.util
from datetime import UTC, datetime

import msgspec
import pytest

from firebell.postmortems.export import pdf_rendering
from firebell.postmortems.export.model import SCHEMA, ExportedMeta, ExportedPostmortem, as_json
from firebell.postmortems.export.nodes import nodes
from firebell.postmortems.export.roles import NamedPerson, replacements, with_roles

HOSTILE = """\
# #let x = 1

#import "@preview/x:0.1.0": * and $a^2$ with \\#panic("no") and `#read("/etc/passwd")`.

- effect: *a* [link](https://example.com) [bad](ftp://x.example) ![image](x.png)
  - why: **b** <script>alert(1)</script>

| A | #B |
| --- | --- |
| 1 | |

```typ
#panic("no")
```

> "#sys.inputs"

1. x
2. y

---
"""


def test_markdown_becomes_plain_nodes() -> None:
    tree = nodes(HOSTILE)
    assert [node["t"] for node in tree] == [
        *("heading", "par", "list", "table", "code", "quote", "enum", "rule"),
    ]
    item = tree[2]["items"][0]
    assert [part["t"] for part in item[0]["c"] if part["t"] != "text"] == ["em", "link", "group"]
    assert tree[3] == {
        "t": "table",
        "columns": 2,
        "rows": [[[{"t": "text", "s": "A"}], [{"t": "text", "s": "#B"}]], [[{"t": "text", "s": "1"}], []]],
    }
    assert nodes("") == []


@pytest.mark.skipif(importlib.util.find_spec("typst") is None, reason="the extra pdf is not installed")
@pytest.mark.parametrize("text", [HOSTILE, "", "x" * 5_000, "日本語 العربية 🔥", "- a\n" * 300])
def test_any_text_becomes_a_pdf(text: str) -> None:
    content = base64.b64decode(pdf_rendering.render('INC-1: "#title"', ["#meta", ""], text))
    assert content.startswith(b"%PDF-")


def test_names_become_roles_as_whole_words_and_the_longest_wins() -> None:
    roles = replacements(
        [
            NamedPerson("Mara Lindqvist", "mara@example.com", "Incident commander"),
            NamedPerson("Jun Okafor", "jun@example.com"),
            NamedPerson("Jun Abe", "abe@example.com", "Scribe"),
        ]
    )
    text = "Mara Lindqvist (mara@example.com, @mara) asked Jun. Jun Abe and Marathon, Junction."
    assert with_roles(text, roles) == (
        "Incident commander (Incident commander, Incident commander) asked Responder."
        " Scribe and Marathon, Junction."
    )
    assert with_roles("No one", {}) == "No one"


def test_the_json_has_its_schema_and_the_same_bytes_for_the_same_document() -> None:
    at = datetime(2026, 11, 24, 10, tzinfo=UTC)
    meta = ExportedMeta(
        ref="INC-1",
        title="Cards fail",
        severity=1,
        peak_severity=1,
        state="published",
        version=3,
        incidents=["INC-1"],
        services=[],
        author="",
        approved_by="",
        due_at=at,
        published_at=None,
        exported_at=at,
        names="people",
    )
    document = ExportedPostmortem(
        meta=meta,
        body="# X\n",
        sections=[],
        whys=[],
        factors=[],
        actions=[],
        timeline=[],
        graph=[],
        measures=[],
        evidence=[],
        versions=[],
    )
    content = as_json(document)
    assert content == as_json(document)
    assert msgspec.json.decode(content)["schema"] == SCHEMA
    assert msgspec.json.decode(content, type=ExportedPostmortem) == document
