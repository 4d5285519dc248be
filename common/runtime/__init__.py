"""How a stage's process is started, watched and ended, and what belongs to its user."""
