"""What the services of the boot do, one step a function; each is independent of who calls it."""
