"""Who a caller is: API keys, of which only hashes are kept, and short-lived client secrets."""
