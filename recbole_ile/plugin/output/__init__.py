"""What a run writes beside its checkpoint: logs and folders."""
