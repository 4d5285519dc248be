"""The browser display: a page with the live picture, figures and controls."""
