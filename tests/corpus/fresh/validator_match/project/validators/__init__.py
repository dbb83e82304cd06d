from validators.names import is_host_name, is_user_name

__all__ = ["is_host_name", "is_user_name"]
