"""What new rows and challengers are held to before one of them becomes the champion."""
