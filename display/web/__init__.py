"""The browser display: a page with the live picture, metrics and controls."""
