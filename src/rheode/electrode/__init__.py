"""An electrode before it is simulated: which materials, how they deform, what they weigh and hold."""
