"""Training: from a folder of pictures to a network that can be played."""
