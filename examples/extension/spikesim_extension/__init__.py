"""A device, a converter, a weight quantizer and a loss for spikesim_py: one file each."""
