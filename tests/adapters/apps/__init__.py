"""The same small application six times over, each as its framework would have it."""
