"""Writes the tables of regimes, facts and templates into `docs/reference/regulatory-clocks.md` from the data files."""

import re
import sys
from pathlib import Path

from firebell.regulatory import wording
from firebell.regulatory.drafts.template_files import draft_templates
from firebell.regulatory.model import FactType, Regime
from firebell.regulatory.regimes.files import catalog

PAGE = Path(__file__).parent.parent / "docs" / "reference" / "regulatory-clocks.md"
_GENERATED = re.compile(r"(<!-- regimes -->\n).*?(<!-- end -->)", re.DOTALL)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _regime(regime: Regime) -> str:
    definitions = catalog().facts
    facts = [
        f"{regime.scope} ({regime.jurisdiction}). Days end in {regime.tz}"
        + (f", public holidays: {regime.holidays}" if regime.holidays else "")
        + f". Rules of {regime.version}, review by {regime.review_by}"
        + (f"; in force from {regime.in_force}" if regime.in_force else "")
        + f". [Source]({regime.source})."
    ]
    facts += [regime.register] if regime.register else []
    facts += regime.notes
    rows = [
        f"| {one.id} | {one.article} | {one.title} to {one.recipient} | {wording.limits_text(one, definitions)}"
        f"{'. ' + one.note if one.note else ''} | {one.checked or '**not verified**'} |"
        for one in regime.obligations
    ]
    state = "on by default" if regime.is_on else "off by default"
    head = "| obligation | article | notification | time limit | checked against |\n|---|---|---|---|---|"
    text = "\n".join([f"### {regime.id}: {regime.name}, {state}", "", "\n\n".join(facts), "", head])
    return text + "\n" + "\n".join(rows) + "\n"


def render() -> str:
    """Return the generated part of the page."""
    regimes = "\n".join(_regime(regime) for regime in catalog().regimes.values())
    facts = "\n".join(
        f"| `{one.id}` | {one.type} | {_cell(one.label)} |"
        for one in catalog().facts.values()
        if one.type is not FactType.INCIDENT
    )
    templates = "\n".join(
        f"| `{one.id}` | {', '.join(one.obligations)} | {len(one.fields)} | {one.version} "
        f"| {_cell(one.checked) or 'not verified'} |"
        for one in draft_templates().values()
    )
    head = "| template | notifications | fields | version | checked against |\n|---|---|---|---|---|"
    return (
        f"{regimes}\n### Facts\n\n| fact | type | question |\n|---|---|---|\n{facts}\n"
        f"\n### Templates of notifications\n\n{head}\n{templates}\n"
    )


def with_tables(page: str) -> str:
    """Return the page with the generated part replaced."""
    return _GENERATED.sub(lambda match: f"{match[1]}\n{render()}\n{match[2]}", page)


def main() -> int:
    """Write the page."""
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
