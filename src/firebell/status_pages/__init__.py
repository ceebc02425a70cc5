"""Public status pages: components, incidents told in stages, and what machines read of them."""
