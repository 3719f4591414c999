"""A model behind a Telegram bot: what it says of a message, and what people say of that."""
