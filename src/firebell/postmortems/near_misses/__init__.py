"""Near misses: what could have happened, and what held."""
