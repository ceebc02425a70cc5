"""Process checks of what status pages say."""
