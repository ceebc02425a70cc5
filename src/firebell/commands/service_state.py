"""How the states of services are written."""


def state_label(state: str) -> str:
    """Return the name for people of a state of the API."""
    return "healthy" if state == "ok" else state
