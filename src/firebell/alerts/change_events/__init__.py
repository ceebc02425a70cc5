"""Change events, such as deployments."""
