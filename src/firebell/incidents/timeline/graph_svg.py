"""The graph of incidents as an SVG file of its own (pure), for exports: it needs no style sheet and prints as it is."""

from collections.abc import Iterator

from markupsafe import Markup

from firebell.incidents.timeline.graph_drawing import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, DrawnGraph

_TEXT = Markup('font-family="system-ui, Libertinus Serif, serif" font-size="11" fill="currentColor"')
_IMPACT_COLOR = "#c0362c"
_LABEL_ABOVE = 4
_TICK_Y = BOTTOM + 18


def standalone_svg(chart: DrawnGraph) -> Markup:
    """Return the drawing in the color of the text around it, with times as they are in its ticks and moments."""
    box = Markup('viewBox="0 {} {} {}" width="{}" height="{}"').format(
        chart.top, WIDTH, HEIGHT - chart.top, WIDTH, HEIGHT - chart.top
    )
    head = Markup('<svg xmlns="http://www.w3.org/2000/svg" {} role="img" aria-label="{}">').format(
        box, chart.finding
    )
    return Markup("\n").join([head, *_elements(chart), Markup("</svg>")])


def _elements(chart: DrawnGraph) -> Iterator[Markup]:
    for x, width in chart.bands:
        yield Markup('<rect x="{}" y="{}" width="{}" height="{}" fill="{}" fill-opacity="0.16"/>').format(
            x, TOP, max(width, 2), BOTTOM - TOP, _IMPACT_COLOR
        )
    for y, count in chart.grid:
        yield Markup(
            '<line x1="{}" x2="{}" y1="{}" y2="{}" stroke="currentColor" stroke-opacity="0.25"/>'
        ).format(LEFT, RIGHT, y, y)
        if chart.path:
            yield _text(LEFT - 6, y + 4, "end", str(count))
    for x, at in chart.ticks:
        yield _text(x, _TICK_Y, "middle", f"{at:%H:%M}")
    for moment in chart.moments:
        yield Markup(
            '<line x1="{}" x2="{}" y1="{}" y2="{}" stroke="currentColor" stroke-opacity="0.6"'
            ' stroke-dasharray="2 3"/>'
        ).format(moment.x, moment.x, (moment.label_y or TOP - _LABEL_ABOVE) + _LABEL_ABOVE, BOTTOM)
        if moment.label_y is not None:
            yield _text(moment.x, moment.label_y, moment.anchor, f"{moment.at:%H:%M} {moment.text}")
    if chart.path:
        yield Markup('<path d="{}" fill="none" stroke="currentColor" stroke-width="1.75"/>').format(
            chart.path
        )


def _text(x: float, y: float, anchor: str, text: str) -> Markup:
    return Markup('<text x="{}" y="{}" text-anchor="{}" {}>{}</text>').format(x, y, anchor, _TEXT, text)
