"""A text of a document as HTML for its readers."""

from collections.abc import Mapping

from markupsafe import Markup

from firebell.kit.markdown import rendered
from firebell.postmortems.document.evidence import EvidenceRef
from firebell.postmortems.document.evidence_links import EvidenceLink, mark_links, with_evidence


async def markdown_html(text: str, links: Mapping[EvidenceRef, EvidenceLink]) -> Markup:
    """Return a text of a document as safe HTML with links to its evidence."""
    if not text.strip():
        return Markup("")
    return Markup(mark_links(await rendered(with_evidence(text, links))))  # noqa: S704 - sanitized by nh3
