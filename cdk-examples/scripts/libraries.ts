/** The two libraries that bindings are made for, and what their users need. */

/** What differs between them. */
export interface Library {
  /** The bindings' package. */
  readonly package: string;
  /** What a project must have beside the bindings. */
  readonly peers: Readonly<Record<string, string>>;
  readonly title: string;
}

/** By the name of the library's own package. */
export const libraries = {
  cdktf: {
    package: "lodge-cdktf",
    // Also satisfied by `npm:cdktn` under the name of cdktf.
    peers: { cdktf: ">=0.21.0 <0.25.0", constructs: "^10.4.2" },
    title: "CDKTF",
  },
  cdktn: {
    package: "lodge-cdktn",
    peers: { cdktn: "^0.24.0", constructs: ">=10.6.0 <10.8.0" },
    title: "CDK Terrain",
  },
} as const satisfies Readonly<Record<string, Library>>;

/** `cdktf` or `cdktn`. */
export type LibraryName = keyof typeof libraries;

/** Both. */
export const libraryNames = Object.keys(libraries) as readonly LibraryName[];
