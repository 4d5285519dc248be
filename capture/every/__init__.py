"""Capture with `--pace every`: every picture of a video file, in order, and no faster than compose takes them."""
