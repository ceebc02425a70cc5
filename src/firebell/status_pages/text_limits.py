"""How long the texts of a status page and its parts may be (pure)."""

ABOUT_MAX_CHARS = 2000
DESCRIPTION_MAX_CHARS = 500
