"""Render a document as PDF with Typst; runs in a child process.

The template is fixed. User text reaches it only as JSON in `sys_inputs`, so that it is never Typst source; the root is
an empty folder, the template imports no package, and only the bundled fonts are used.
"""

import base64
import json
import tempfile
from pathlib import Path
from typing import Any

from firebell.postmortems.export.nodes import nodes

TEMPLATE = Path(__file__).with_name("postmortem.typ")


def render(title: str, meta: list[str], text: str, graph: dict[str, str] | None = None) -> str:
    """Return the PDF of a Markdown text in base64; `graph` has its `svg` and its `finding`."""
    import typst

    compile_pdf: Any = typst.compile  # its types want the root as bytes, which it does not take
    document = {"title": title, "meta": meta, "blocks": nodes(text), "graph": graph}
    with tempfile.TemporaryDirectory() as root:
        result: bytes = compile_pdf(
            TEMPLATE.read_bytes(),
            root=root,
            ignore_system_fonts=True,
            format="pdf",
            sys_inputs={"document": json.dumps(document)},
            package_path=root,
            package_cache_path=root,
        )
    return base64.b64encode(result).decode()
