"""Models of RecBole that compute their loss inline, with the losses of single interactions to be seen.

Each is RecBole's model, unchanged in every value, with two methods more: ``start_batch`` begins a batch and
``interaction_losses`` returns its losses as ``InteractionLosses``.
"""
