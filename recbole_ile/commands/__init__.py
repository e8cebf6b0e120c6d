"""One command a file: its options, and the function that it is in Python."""
