//! A tree with everything in it that a file system can hold.
