"""Teams and fallback responders."""
