"""How to reach a partner: protocols, readers and writers, one declaration per flow."""
