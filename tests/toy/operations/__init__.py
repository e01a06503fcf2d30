"""Put beside the simulation's own operations, as a folder of one more service."""
