"""Files of annotation tools and trainers: one module a tool."""
