"""Night limits: who else is paged when everyone has had enough pages in a night."""
