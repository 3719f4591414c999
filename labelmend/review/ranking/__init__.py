"""Which rows a person is asked about next: kept up as answers come, and ranked anew."""
