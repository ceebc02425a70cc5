"""One module for each issue tracker; each declares a `TrackerVendor` as VENDOR."""
