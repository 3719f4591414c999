"""Champion and challenger: new rows in, a better model out, a registry of all that was tried."""
