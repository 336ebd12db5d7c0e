"""Who is near whom: found on the host or in compiled code, kept as a table."""

from diffsim.neighbors.room import Room as Room
from diffsim.neighbors.search import find_edges as find_edges
from diffsim.neighbors.table import Neighbors as Neighbors
from diffsim.neighbors.table import alike as alike
