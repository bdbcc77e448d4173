"""What changes for members from one programme to another, in words."""
