"""How long the texts of action items may be (pure)."""

TITLE_MIN_CHARS = 8
TITLE_MAX_CHARS = 200
DETAIL_MAX_CHARS = 10_000
REASON_MAX_CHARS = 500
QUOTE_MAX_CHARS = 500
URL_MAX_CHARS = 2_000
LABEL_MAX_CHARS = 120
EVIDENCE_MAX = 20
BULK_MAX = 500
"""Number of items that one request changes at most."""
