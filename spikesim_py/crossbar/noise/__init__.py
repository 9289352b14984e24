"""The normal numbers of read noise, named by the conversion that they disturb."""
