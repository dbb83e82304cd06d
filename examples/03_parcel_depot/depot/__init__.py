"""A depot: parcels, the vans that carry them, and what that costs."""
