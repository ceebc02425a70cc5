"""The home page: open incidents and pages, who is on call, and your tasks."""
