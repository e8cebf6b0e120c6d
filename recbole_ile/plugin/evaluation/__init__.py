"""Evaluation as RecBole does it, in batches that fit, of lists as they are recommended."""
