"""Whether the replicas fit on the pods: arithmetic on settings, before anything is started."""
