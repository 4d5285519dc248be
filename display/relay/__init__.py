"""Relay: serves composites to displays on other machines. Does nothing unless `--relay` names an address."""
