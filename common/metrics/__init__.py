"""What each process counts and measures."""
