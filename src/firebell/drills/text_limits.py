"""How long the texts of drills may be (pure)."""

ANSWER_MAX_CHARS = 2_000
OBSERVATION_MAX_CHARS = 1_000
TRAY_MAX_CHARS = 5_000
REASON_MAX_CHARS = 200
OBSERVATIONS_MAX = 500
"""Number of observations of one drill."""
TRAY_POSTS_MAX = 200
"""Number of texts in the tray of one drill."""
PARTICIPANTS_MAX = 200
"""Number of people whom one request invites."""
