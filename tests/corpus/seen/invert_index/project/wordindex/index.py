from wordindex.words import words


def build_index(documents):
    """Map each word to the set of names of the documents that contain it."""
    return {word: {name} for name, text in documents.items() for word in words(text)}


def search(index, query):
    """Names of the documents that contain all words of the query, sorted."""
    found = None
    for word in words(query):
        names = index.get(word, set())
        found = names if found is None else found & names
    return sorted(found or ())
