"""A storm: the service is disturbed again and again under a stream of new entries; what arrived, and how often."""
