"""A document as PDF, in a child process with a time limit; it needs the extra `firebell[pdf]`."""

import base64
import importlib.util

import msgspec

from firebell.incidents import actions as incidents
from firebell.kit.errors import Invalid, NotInstalled
from firebell.kit.process_pool import ProcessPool, TakesTooLong
from firebell.postmortems.export.graph_place import with_graph_mark
from firebell.postmortems.export.html_page import meta_lines
from firebell.postmortems.export.model import ExportedPostmortem

LIMIT_S = 20.0
_PROCESSES = ProcessPool(LIMIT_S)
WHY_NOT = "PDF needs the package typst, which is not installed."
HOW = "Install Firebell with pip install 'firebell[pdf]', or export HTML and print it."


def is_installed() -> bool:
    """Return True if PDF can be made here."""
    return importlib.util.find_spec("typst") is not None


async def pdf(exported: ExportedPostmortem, chart: incidents.DrawnGraph | None = None) -> bytes:
    """Return the file; raise `NotInstalled` without the extra, `Invalid` if it takes more than 20 seconds."""
    if not is_installed():
        raise NotInstalled(WHY_NOT, hint=HOW)
    meta = exported.meta
    try:
        answer = await _PROCESSES.call(
            "firebell.postmortems.export.pdf_rendering:render",
            f"{meta.ref}: {meta.title}",
            meta_lines(meta),
            with_graph_mark(exported.body) if chart else exported.body,
            {"svg": str(incidents.standalone_svg(chart)), "finding": f"{chart.finding} Times are in UTC."}
            if chart
            else None,
        )
    except TakesTooLong as exc:
        raise Invalid(
            "The PDF takes too long to render.",
            hint="Export HTML and print it.",
            fields={"format": "Use html."},
        ) from exc
    return base64.b64decode(msgspec.json.decode(answer, type=str))
