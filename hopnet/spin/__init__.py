"""Current-induced spin: generation in triads, f, response in field and time, Monte Carlo."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
