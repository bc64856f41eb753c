"""How a partner's words become ours, and ours theirs."""
