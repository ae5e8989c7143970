"""What tests are made of: servers, sites, people, faults."""
