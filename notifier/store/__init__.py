"""Tables. One aggregate per file: its table or tables, its one mover, its queries."""
