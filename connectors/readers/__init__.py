"""From bytes to chunks of records, in bounded memory, reading no more than was asked."""
