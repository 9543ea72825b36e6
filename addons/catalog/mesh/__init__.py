"""The service mesh: who talks to whom, encrypted and allowed, and the gateway that people come in by."""
