"""Facts about incidents and pages, and how they follow the logs."""
