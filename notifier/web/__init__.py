"""HTTP and nothing but HTTP: views translate requests into verbs of the flow and rows into pages."""
