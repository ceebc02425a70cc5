"""Contact methods: adding, connecting, testing and removing them, and how messages read there."""
