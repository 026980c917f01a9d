"""How much a client may ask for: bounds of one request, and shares of each client."""
