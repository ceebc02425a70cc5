"""What a service depends on: the page, the API, and the problems of what it needs."""
