"""One service with its state, pages, incidents, alerts and changes."""
