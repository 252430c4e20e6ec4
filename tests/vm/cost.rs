//! What the gate adds to a boot. Prints a table; asserts nothing about time.
