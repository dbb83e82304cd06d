"""Network faces (REST, MCP, ACP). Empty until the first one lands."""
