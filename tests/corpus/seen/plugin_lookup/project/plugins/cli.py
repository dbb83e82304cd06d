from plugins.registry import UnknownPlugin


def describe(registry, name):
    try:
        plugin = registry.get(name)
    except UnknownPlugin as error:
        return str(error)
    return f"{name}: {type(plugin).__name__}"
