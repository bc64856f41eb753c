"""The whole hub on one machine: embedded stores, Airflow, the demonstration."""
