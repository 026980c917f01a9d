"""OpenAI's realtime sockets: each protocol a state machine between client and session events."""
