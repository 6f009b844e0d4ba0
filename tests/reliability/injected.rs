//! Errors, short writes and interruptions put into system calls by strace.
