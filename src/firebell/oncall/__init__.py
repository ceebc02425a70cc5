"""Who is on call: one pure function answers it for everybody."""
