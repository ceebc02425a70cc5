"""What text messages and calls cost."""
