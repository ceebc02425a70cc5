"""The map of services: who is on it, where each is drawn, and the page and API that show it."""
