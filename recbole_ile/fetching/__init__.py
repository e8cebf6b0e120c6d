"""Data sets as their publishers give them, or as a user has them, turned into atomic files."""
