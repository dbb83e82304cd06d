import heapq


def cheapest(network, start, goal):
    """Cost and towns of the cheapest route, or None."""
    seen = {start}
    queue = [(0, start, (start,))]
    while queue:
        cost, town, path = heapq.heappop(queue)
        if town == goal:
            return cost, list(path)
        for neighbour, price in network.roads_from(town):
            if neighbour not in seen:
                seen.add(neighbour)
                heapq.heappush(queue, (cost + price, neighbour, (*path, neighbour)))
    return None
