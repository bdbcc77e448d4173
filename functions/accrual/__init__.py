"""What members earn."""
