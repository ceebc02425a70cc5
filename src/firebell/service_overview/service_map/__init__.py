"""The map of services: which services are on it, where each is drawn, and the page and API that show it."""
