"""Tools that make and describe the bundled demo models."""
