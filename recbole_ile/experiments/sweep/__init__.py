"""What a sweep tries, and what of it is recommended."""
