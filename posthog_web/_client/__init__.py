"""The client: what it is made of, its verbs, contexts, and the one of the module."""
