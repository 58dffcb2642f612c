"""The second door: everything that happens to a batch after its submission was answered."""
