"""What is wrong with an observation: one file per known issue, each measures, judges, proposes."""
