//! What a run costs the host: processor, disk, and what it leaves.
