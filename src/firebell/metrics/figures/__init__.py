"""The SQL of figures, and what it returns."""
