"""The trainings of a sweep or a comparison: Ray Tune, and the ledger of what they found out."""
