"""What Karpenter needs of AWS: its queue, the nodes' instance profile, and the node groups that it takes over."""
