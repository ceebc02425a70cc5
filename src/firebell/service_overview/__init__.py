"""Everything that belongs to one service, on one page."""
