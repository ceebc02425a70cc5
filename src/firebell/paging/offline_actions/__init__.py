"""What was pressed on a phone while it was offline."""
