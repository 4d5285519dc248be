"""Pictures, the small networks that several stages run, and their files."""
