"""What is expected, late or wrong, and how operators are told: calendar, alarms, runbook, traces, metrics."""
