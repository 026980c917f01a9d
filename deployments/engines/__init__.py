"""The engines behind the stages: plain Python over one inference library each, no Ray."""
