"""What happens to the picture after the network, one part per file."""
