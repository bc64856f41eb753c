"""What a person may ask and what the law lets keep: access, erasure, retention."""
