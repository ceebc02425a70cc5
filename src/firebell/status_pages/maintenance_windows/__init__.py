"""What a maintenance window is: its stages, its texts, its calendar entry, and its SQL."""
