"""What Prometheus reads about Firebell itself."""
