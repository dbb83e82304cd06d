"""Running things nobody trusts: sandboxes, environments, the test runner, the fork server, coverage."""
