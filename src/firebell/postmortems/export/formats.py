"""The bytes of an export in each format."""

from firebell.postmortems.export.html_page import html_page
from firebell.postmortems.export.model import ExportedPostmortem, ExportFormat, as_json
from firebell.postmortems.export.pdf import pdf


async def content(exported: ExportedPostmortem, kind: ExportFormat) -> bytes:
    """Return the file; raise `NotInstalled` for PDF without its extra."""
    match kind:
        case ExportFormat.JSON:
            return as_json(exported)
        case ExportFormat.PDF:
            return await pdf(exported)
        case ExportFormat.HTML:
            return (await html_page(exported)).encode()
        case ExportFormat.MARKDOWN:
            return exported.body.encode()
