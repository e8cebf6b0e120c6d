"""What all pages share: their frame, how they look, their tables and their plots."""
