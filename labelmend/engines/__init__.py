"""Engines that carry the work by blocks on other processes and machines, behind `Executor`."""
