"""Installing the program as its guide and its Dockerfile say."""
