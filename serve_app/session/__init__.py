"""One live session as a pure object: inputs in, effects out; no clock, no loop, no I/O."""
