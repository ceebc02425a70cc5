"""The targets of posts, one file each."""
