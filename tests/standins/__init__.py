"""Stand-ins for services that cannot run here, which refuse what the real ones refuse."""
