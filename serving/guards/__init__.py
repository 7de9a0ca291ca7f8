"""What stands between the network and the routes: limits of time, size and access."""
