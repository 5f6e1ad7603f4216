"""Speed, as ratios within one run: `make bench`. Machines are noisy; tests never time anything."""
