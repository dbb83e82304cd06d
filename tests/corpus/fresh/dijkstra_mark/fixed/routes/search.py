import heapq


def cheapest(network, start, goal):
    """Cost and towns of the cheapest route, or None."""
    settled = set()
    queue = [(0, start, (start,))]
    while queue:
        cost, town, path = heapq.heappop(queue)
        if town == goal:
            return cost, list(path)
        if town in settled:
            continue
        settled.add(town)
        for neighbour, price in network.roads_from(town):
            if neighbour not in settled:
                heapq.heappush(queue, (cost + price, neighbour, (*path, neighbour)))
    return None
