"""The sources, one file each: every module here declares a `Source` as SOURCE, and nothing else lists them."""
