"""Capture: takes frames from a source, publishes them, and hands the newest to whichever inference worker is idle."""
