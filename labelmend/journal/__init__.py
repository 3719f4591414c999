"""The log of what a served model was asked, and what people say of its answers."""
