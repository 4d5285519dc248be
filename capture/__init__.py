"""Capture: reads frames from a source, publishes them, and sends the newest one to an idle inference worker."""
