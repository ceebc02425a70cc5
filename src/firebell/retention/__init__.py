"""Shows how long data is kept, what waits to be deleted, and when the last deletion ran."""
