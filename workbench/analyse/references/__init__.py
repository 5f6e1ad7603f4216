"""References: what one object of an estate depends on another by."""
