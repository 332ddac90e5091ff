"""How pores close: potentials that keep bodies apart."""
