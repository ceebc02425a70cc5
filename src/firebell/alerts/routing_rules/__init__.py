"""Routing rules: what one decides, how versions differ, and paging for held groups."""
