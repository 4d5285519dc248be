"""Relay: serves composites to displays on other machines. Off unless an address is given."""
