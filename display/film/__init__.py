"""Writes the film of a recording: its pictures as they were composed, its own time stamps, its sound and subtitles as they are."""
