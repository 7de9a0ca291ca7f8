"""The routes of the protocols, and those for whoever runs the server."""
