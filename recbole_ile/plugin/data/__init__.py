"""Data sets: files, cache, identity, popularity and loaders."""
