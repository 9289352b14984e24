"""Studies of published claims that train: `spikesim study` finds them here (`spikesim_py/studies`)."""
