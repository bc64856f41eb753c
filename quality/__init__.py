"""What we accept: row rules that name the record, and a suite that judges a delivery as a whole."""
