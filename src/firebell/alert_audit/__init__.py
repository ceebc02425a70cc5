"""The quarterly audit of alert rules, one for each team."""
