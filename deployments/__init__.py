"""The stages of the graph: VAD, ASR and MT, each a stateless function of its arguments."""
