"""What a beneficiary is: the common record, its value objects, code lists, tables and errors."""
