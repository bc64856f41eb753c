"""Where everything is kept and under which keys: PostgreSQL, the deliveries as received, the vault."""
