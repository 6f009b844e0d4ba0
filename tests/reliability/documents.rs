//! Entries, seals, receipts and lists that are hostile.
