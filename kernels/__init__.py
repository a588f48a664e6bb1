"""The compiled core: plain loops over arrays, one idea per file. Installed as hopnet.kernels."""
