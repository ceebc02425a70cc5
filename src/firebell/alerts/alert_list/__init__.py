"""The list of alerts: its filters, the values of labels, and its bars."""
