/** The version of everything: provider, agent and command line are released together. */
export const version = "0.1.0";
/** The version of the interface between them. It grows with every addition that a client may ask for. */
export const apiVersion = 2;
/** The oldest interface that a client of this version can still use: raised when it needs what an older agent lacks. */
export const oldestApiVersion = 1;
