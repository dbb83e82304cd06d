from .chunks import chunked


def upload(records, send, batch_size=100):
    """Send records in batches; return the number sent."""
    count = 0
    for batch in chunked(records, batch_size):
        send(batch)
        count += len(batch)
    return count
