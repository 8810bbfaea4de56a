"""Where root trees come from: Debian packages, a directory, a tarball; one module each."""
