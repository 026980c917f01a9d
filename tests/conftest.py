"""For all tests."""

import signal

# What is started in the background of a script ignores SIGINT, and so does all that it starts; the
# tests stop servers with it.
signal.signal(signal.SIGINT, signal.default_int_handler)
