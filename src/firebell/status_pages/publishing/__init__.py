"""Publishing: incidents and their updates, corrections, translations and retractions."""
