"""What members spend their points on."""
