"""How long the texts of an incident may be; forms, the API and actions have one answer (pure)."""

TITLE_MAX_CHARS = 200
SUMMARY_MAX_CHARS = 5_000
REASON_MAX_CHARS = 1_000
