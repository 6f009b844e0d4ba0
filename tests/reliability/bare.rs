//! A host without what every host has: no /proc, /sys, /dev, no root, process number 1, small limits.
