"""The list of incidents: filters, numbers, saved views, CSV."""
