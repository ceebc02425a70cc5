"""How status pages are served: access, hosts, looks, saved pages, exports and mirrors."""
