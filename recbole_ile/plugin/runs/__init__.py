"""From a configuration to a trained, evaluated model, and from a checkpoint back to one."""
