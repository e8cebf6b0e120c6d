"""Tables and figures: formats results, computes nothing."""
