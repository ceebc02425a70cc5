"""Events: what each contains, and what composes them from what changed."""
