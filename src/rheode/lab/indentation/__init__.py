"""Nanoindentation: hardness and modulus, tip and frame, strain-rate jumps, holds, and the creep law they give."""
