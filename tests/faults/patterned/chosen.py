"""Which course is played. The stage's parent sets it, which loads as little here as it does in the call."""

course = "crossing"
