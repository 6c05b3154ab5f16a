"""A small stateful GitHub over real HTTP: `simulator.github.server.GitHubServer` starts one in this process."""
