"""What lives in Kubernetes: one file per add-on, and the machinery that installs them."""
