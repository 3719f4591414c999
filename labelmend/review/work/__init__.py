"""What goes on beside a sitting: children at low priority, and what they are told."""
