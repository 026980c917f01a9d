"""The application: one live session, and the doors into it."""
