"""Checkpoints: reading and writing them, and what they hold of a training."""
