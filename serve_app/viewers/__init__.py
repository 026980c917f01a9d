"""Reading along: from a session to the hub, and from the hub to those who hold a link."""
