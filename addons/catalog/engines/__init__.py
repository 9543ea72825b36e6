"""Engines: what runs work of its own kind, such as Ray, Spark and Argo Workflows, and the services beside them."""
