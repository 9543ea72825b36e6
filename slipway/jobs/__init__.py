"""Jobs that fit: manifests read, held against a plan, and made from examples."""
