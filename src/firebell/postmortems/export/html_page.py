"""A document as one HTML file without scripts, which prints well and needs nothing else."""

from markupsafe import Markup, escape

from firebell.incidents import actions as incidents
from firebell.kit.markdown import rendered
from firebell.postmortems.export.graph_place import GRAPH_MARK, with_graph_mark
from firebell.postmortems.export.model import ExportedMeta, ExportedPostmortem

_STYLE = """\
:root { color-scheme: light dark; --line: #8886; --dim: #777; }
body { font: 16px/1.6 system-ui, sans-serif; max-width: 46rem; margin: 2rem auto; padding: 0 1rem; }
h1, h2, h3 { line-height: 1.25; text-wrap: balance; }
h2 { margin-top: 2.2rem; border-bottom: 1px solid var(--line); padding-bottom: .3rem; }
table { border-collapse: collapse; width: 100%; font-size: .9rem; display: block; overflow-x: auto; }
th, td { text-align: start; vertical-align: top; padding: .4rem .6rem; border-bottom: 1px solid var(--line); }
time { white-space: nowrap; font-variant-numeric: tabular-nums; }
pre, code { font: .88em/1.5 ui-monospace, monospace; overflow-x: auto; }
pre { padding: .8rem; border: 1px solid var(--line); border-radius: 6px; }
figure { margin: 1.2rem 0; }
.plot { overflow-x: auto; } .plot svg { display: block; width: 100%; min-width: 620px; height: auto; }
figcaption, summary { font-size: .9rem; color: var(--dim); }
.meta { color: var(--dim); font-size: .9rem; }
@media print { body { margin: 0; max-width: none; font-size: 11pt; } a { color: inherit; text-decoration: none; }
  table { display: table; } tr, li, pre, figure { break-inside: avoid; } h2, h3 { break-after: avoid; }
  details { display: none; } .plot svg { min-width: 0; } }
"""


async def html_page(exported: ExportedPostmortem, chart: incidents.DrawnGraph | None = None) -> str:
    """Return the file; it has no script and loads nothing. The graph stands under the heading of the impact."""
    body = await rendered(with_graph_mark(exported.body) if chart else exported.body)
    if chart:
        body = with_graph(body, chart)
    title = f"{exported.meta.ref}: {exported.meta.title}"
    head = Markup(
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="robots" content="noindex">\n<title>{}</title>\n<style>\n{}</style>\n</head>\n'
    ).format(title, Markup(_STYLE))  # noqa: S704 - a constant
    lines = Markup("<br>").join(escape(line) for line in meta_lines(exported.meta))
    return str(
        Markup('{}<body>\n<p class="meta">{}</p>\n<main>\n{}</main>\n</body>\n</html>\n').format(
            head, lines, body
        )
    )


def with_graph(body: Markup, chart: incidents.DrawnGraph) -> Markup:
    """Return rendered Markdown with the graph in place of its mark; without the mark, as it is."""
    paragraph = Markup("<p>{}</p>").format(GRAPH_MARK)
    return Markup(body.replace(paragraph, _figure(chart), 1).replace(GRAPH_MARK, ""))  # noqa: S704 - both are safe


def _figure(chart: incidents.DrawnGraph) -> Markup:
    """Return the graph with the same numbers as a table."""
    rows = Markup("").join(
        Markup("<tr><td><time>{}</time></td><td>{}</td><td>{}</td></tr>\n").format(
            f"{row.at:%Y-%m-%d %H:%M}", row.firing, ", ".join(row.moments)
        )
        for row in chart.graph.rows
    )
    return Markup(
        "<figure>\n<figcaption>{} Times are in UTC.</figcaption>\n"
        '<div class="plot" tabindex="0" role="region" aria-label="Graph of alerts and impact">\n{}\n</div>\n'
        "<details><summary>Show as table</summary><table>\n"
        "<thead><tr><th>Time</th><th>Alerts firing</th><th>What happened</th></tr></thead>\n"
        "<tbody>\n{}</tbody></table></details>\n</figure>"
    ).format(chart.finding, incidents.standalone_svg(chart), rows)


def meta_lines(meta: ExportedMeta) -> list[str]:
    """Return what stands above a document: what it is about, how far it is, and who wrote and approved it."""
    services = f", {', '.join(meta.services)}" if meta.services else ""
    about = f"{', '.join(meta.incidents)}, peak SEV{meta.peak_severity}{services}"
    state = f"{meta.state.capitalize()}, version {meta.version}"
    if meta.published_at:
        state += f", published {meta.published_at:%Y-%m-%d %H:%M} UTC"
    people = [
        f"{verb} {name}"
        for verb, name in (("Written by", meta.author), ("approved by", meta.approved_by))
        if name
    ]
    return [about, state, *([", ".join(people)] if people else [])]
