"""When it happens: factories that turn declared flows and agreements into Airflow DAGs."""
