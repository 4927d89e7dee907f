"""The story, one verb a file, each with its own transactions: receive, plan, send, settle, watch."""
