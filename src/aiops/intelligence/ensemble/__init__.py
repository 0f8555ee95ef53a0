"""The ensemble: members that each look for one way of being unusual, one evidence, one alarm policy; numpy alone."""
