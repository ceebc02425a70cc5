"""Sessions of browsers: their cookies, and how they end."""
