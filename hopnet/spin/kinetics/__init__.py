"""The full coupled equations of occupation and spin, every order of spin-orbit coupling."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
