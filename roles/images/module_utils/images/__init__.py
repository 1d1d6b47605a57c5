"""What the modules of the role images share."""
