"""What the modules of the role firewall share."""
