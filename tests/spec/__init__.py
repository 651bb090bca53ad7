"""Which requirements (SRV-...) there are, which are in scope, and who recorded what proves them."""
