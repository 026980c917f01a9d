"""The doors: one file each."""
