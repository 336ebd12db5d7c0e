"""What a potential makes of a crystal: vibrations at rest and in motion, and a vacancy that moves."""
