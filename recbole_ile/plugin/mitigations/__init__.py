"""The mitigations, a mixin of a model each."""
