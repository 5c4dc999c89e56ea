import manifest from "../../package.json" with { type: "json" };

/** The version of the agent and its command line. */
export const version: string = manifest.version;
