"""Fast code that no paper defines."""
