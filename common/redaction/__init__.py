"""Redacts recordings: runs the stages on a file from its first frame to its last, and accounts for what they did."""
