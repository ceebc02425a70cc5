"""On-call workload per person, and its pay."""
