"""OpenAI's REST doors, and `/v1/translate` in their manner."""
