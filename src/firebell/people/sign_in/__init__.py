"""Sign-in: passwords, sign-in links, and the limits on failed attempts."""
