"""What the form and the API of updates share: stages and statuses as text."""

from firebell.kit.errors import Invalid
from firebell.status_pages.model import ComponentStatus, Stage


def stage_of(value: str) -> Stage:
    """Return the stage in a field; raise `Invalid`."""
    if value not in list(Stage):
        raise Invalid(f"{value[:40]!r} is not a stage.", fields={"stage": "Choose from the list."})
    return Stage(value)


def status_of(value: str) -> ComponentStatus:
    """Return the status in a field; raise `Invalid`."""
    try:
        return ComponentStatus.of(value)
    except ValueError:
        raise Invalid(
            f"{value[:40]!r} is not a status.", fields={"statuses": "Choose from the list."}
        ) from None
