"""What a snapshot or a history means: frames in, frames out, nothing else."""
