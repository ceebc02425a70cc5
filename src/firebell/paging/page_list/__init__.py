"""The list of pages: its filters and pagination, and the pages of one service."""
