"""The compiled core: plain loops over arrays, one idea a file. Installed as hopnet.kernels."""
