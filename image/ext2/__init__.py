"""ext2 as the Hurd uses it: what is on the disk, writing a tree, and reading it back."""
