"""The list of all post-mortems: full text, filters and tabs."""
