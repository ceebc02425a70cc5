"""A migration that ran somewhere is never edited: the next one changes what it made."""

from firebell.kit.db.migrate import available
from tests.house.source import ROOT

RELEASED = ROOT / "tests/house/migrations.sha256"
"""The output of `sha256sum`, to which each release adds its migrations."""


def test_released_migrations_never_change() -> None:
    lines = RELEASED.read_text(encoding="ascii").splitlines()
    released = {name: digest for digest, name in (line.split() for line in lines)}
    shipped = {migration.file: migration.sha256.hex() for migration in available()}
    assert {name: shipped.get(name) for name in released} == released
    assert list(released) == list(shipped)[: len(released)], "the released ones come first"
    assert len(released) >= 19
