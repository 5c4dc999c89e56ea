/** The version of everything: provider, agent and command line are released together. */
export const version = "0.1.0";
