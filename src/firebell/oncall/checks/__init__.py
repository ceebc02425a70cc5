"""The checks of a schedule: rules, findings, fixes, and which errors were reported."""
