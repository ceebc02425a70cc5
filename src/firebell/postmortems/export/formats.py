"""The bytes of an export in each format."""

from firebell.incidents import actions as incidents
from firebell.postmortems.export.html_page import html_page
from firebell.postmortems.export.model import ExportedPostmortem, ExportFormat, as_json
from firebell.postmortems.export.pdf import pdf


async def content(
    exported: ExportedPostmortem, kind: ExportFormat, chart: incidents.DrawnGraph | None = None
) -> bytes:
    """Return the file, with the graph in HTML and PDF; raise `NotInstalled` for PDF without its extra."""
    match kind:
        case ExportFormat.JSON:
            return as_json(exported)
        case ExportFormat.PDF:
            return await pdf(exported, chart)
        case ExportFormat.HTML:
            return (await html_page(exported, chart)).encode()
        case ExportFormat.MARKDOWN:
            return exported.body.encode()
