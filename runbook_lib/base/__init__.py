"""Values and files that everything else stands on; imports nothing of the library but itself."""
