"""Programs that leave the hub: each is one file that needs Python and ``cryptography`` alone."""
