"""Metrics, drop counters and load of each process."""
