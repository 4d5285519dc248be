"""Images, and the small networks that several stages run, with their files."""
