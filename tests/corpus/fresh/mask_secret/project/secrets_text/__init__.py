from secrets_text.mask import mask, mask_mapping

__all__ = ["mask", "mask_mapping"]
