"""The web layer: building blocks of every router, page and API route."""
