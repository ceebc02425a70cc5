"""The forms of a page as a browser would send them back untouched."""

from html.parser import HTMLParser


def _sent(attributes: dict[str, str]) -> bool:
    return attributes.get("type") not in ("checkbox", "radio") or "checked" in attributes


class _Forms(HTMLParser):
    """Collects (action, fields) of every form."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[str, list[tuple[str, str]]]] = []
        self.select: tuple[str, list[tuple[str, bool]]] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append((attributes["action"], []))
        elif tag == "select":
            self.select = (attributes["name"], [])
        elif tag == "option" and self.select:
            self.select[1].append((attributes["value"], "selected" in attributes))
        elif tag == "input" and "name" in attributes and _sent(attributes):
            self.forms[-1][1].append((attributes["name"], attributes.get("value", "")))

    def handle_endtag(self, tag: str) -> None:
        if tag == "select" and self.select:
            name, options = self.select
            chosen = [value for value, selected in options if selected] or [options[0][0]]
            self.forms[-1][1].append((name, chosen[0]))
            self.select = None


def form_of(page: str, action: str) -> dict[str, list[str]]:
    """Return the fields of the form that leads to `action`, as it was served."""
    forms = _Forms()
    forms.feed(page)
    fields: dict[str, list[str]] = {}
    for name, value in next(attributes for where, attributes in forms.forms if where == action):
        fields.setdefault(name, []).append(value)
    return fields
