"""The war room of an incident has the address that the setting says, and a wrong setting stops the start."""

import pytest

from firebell.kit.errors import StartupError
from firebell.kit.war_rooms import check_template, war_room_url
from firebell.settings import load


def test_the_address_names_the_incident_or_is_fixed() -> None:
    assert war_room_url("https://meet.jit.si/acme-{ref}", "INC-7") == "https://meet.jit.si/acme-inc-7"
    assert war_room_url("https://zoom.us/j/123", "INC-7") == "https://zoom.us/j/123"
    assert war_room_url("", "INC-7") == ""


@pytest.mark.parametrize(
    "template",
    [
        "http://meet.example/{ref}",
        "javascript:alert(1)",
        "meet.jit.si/{ref}",
        "https://x/{id}",
        "https:///{ref}",
    ],
)
def test_another_template_stops_the_start(template: str) -> None:
    with pytest.raises(StartupError):
        check_template(template)
    with pytest.raises(StartupError):
        load({"FIREBELL_WAR_ROOM_URL": template})
