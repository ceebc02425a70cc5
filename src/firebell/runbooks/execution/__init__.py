"""How a runbook is run at a terminal: fence attributes, variables, redaction, the plan and its states."""
