"""What text messages and calls have in common: numbers, texts, providers and their failover."""
