"""Exports: user text is never source, names become roles, and the same document gives the same bytes (pure)."""

import base64
import importlib.util
from datetime import UTC, datetime
from xml.etree import ElementTree

import msgspec
import pytest
from markupsafe import Markup

from firebell.incidents.timeline.graph_drawing import drawn
from firebell.incidents.timeline.graph_svg import standalone_svg
from firebell.incidents.timeline.impact_graph import graph
from firebell.kit.markdown import to_html
from firebell.postmortems.export import pdf_rendering
from firebell.postmortems.export.graph_place import GRAPH_MARK, with_graph_mark
from firebell.postmortems.export.html_page import with_graph
from firebell.postmortems.export.model import SCHEMA, ExportedMeta, ExportedPostmortem, as_json
from firebell.postmortems.export.nodes import nodes
from firebell.postmortems.export.role_names import NamedPerson, replacements, with_roles
from tests.rules.test_impact_graph import NOW, PAGE, SEARCH, known, minute

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


AT = datetime(2026, 11, 24, 10, tzinfo=UTC)
DOCUMENT = ExportedPostmortem(
    meta=ExportedMeta(
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
        due_at=AT,
        published_at=None,
        exported_at=AT,
        names="people",
    ),
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


def test_the_graph_stands_under_the_impact_in_html_and_pdf() -> None:
    chart = drawn(known(graph([SEARCH], [(minute(9), minute(110))], [PAGE], NOW)), "UTC")
    svg = ElementTree.fromstring(standalone_svg(chart))
    texts = [each.text for each in svg.iter("{http://www.w3.org/2000/svg}text")]
    assert {"08:31 Impact begins", "08:39 Paged", "10:23 Impact ends, resolved"} <= set(texts)
    assert len(texts) == len(chart.grid) + len(chart.ticks) + len(chart.moments)
    body = f"# X\n\n{GRAPH_MARK}\n\n## Timeline\n\nT\n\n## Impact\n\nWide.\n"
    page = with_graph(Markup(to_html(with_graph_mark(body))), chart)  # noqa: S704 - a constant
    impact, figure, wide = page.index("Impact</h2>"), page.index("<figure>"), page.index("Wide.")
    assert impact < figure < wide
    assert (page.count("<svg"), page.count("<script"), GRAPH_MARK in page) == (1, 0, False)
    assert page.count("<tr>") == len(chart.graph.rows) + 1, "the table has the same numbers"
    assert [node["t"] for node in nodes(with_graph_mark(body))][3:] == ["heading", "graph", "par"]
    assert with_graph_mark("# X\n\nNo section.") == "# X\n\nNo section."
    if importlib.util.find_spec("typst"):
        data = {"svg": str(standalone_svg(chart)), "finding": chart.finding}
        sizes = [len(pdf_rendering.render("X", [], with_graph_mark(body), each)) for each in (None, data)]
        assert sizes[1] > sizes[0] + 1_000, "the PDF has the drawing"


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
    content = as_json(DOCUMENT)
    assert content == as_json(DOCUMENT)
    assert msgspec.json.decode(content)["schema"] == SCHEMA
    assert msgspec.json.decode(content, type=ExportedPostmortem) == DOCUMENT
