"""What there is: mitigations, models and their names, and which works with which."""
