"""The losses of single interactions, wherever a model computes them."""
