"""The checks of a schedule: its rules, their findings, and who is notified of them."""
