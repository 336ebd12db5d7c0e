"""placeholder"""


def draw(found, path):
    pass
