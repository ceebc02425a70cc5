"""The web edge: what every router, page and API route is built from."""
