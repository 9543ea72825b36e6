"""Models as services: KServe with its runtimes and gateway, multi-node serving, and vLLM's own stack."""
