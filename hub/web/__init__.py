"""The hub's screens: server-rendered, in French, working without any outside network."""
