"""Prompt templates of the roles."""
