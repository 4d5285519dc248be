"""Sinks show or store composites: one file for each. They import sink.py, and only factory.py imports all of them."""
