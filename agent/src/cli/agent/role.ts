import type { Writable } from "node:stream";

/** What `lodge agent` needs of the agent's role; commands know no role, so it is handed in. */
export interface AgentRole {
  startDevelopmentAgent(
    options: AgentOptions,
    log: { readonly stream: Writable } | { readonly file: string },
    program: readonly string[],
  ): Promise<{
    readonly mode: "user" | "root";
    readonly returned: boolean;
    readonly withoutOutbound?: string;
    readonly endpoints: readonly string[];
    readonly ended: Promise<number>;
    readonly stop: () => void;
  }>;
  stopDevelopmentAgent(
    options: AgentOptions,
    purge: boolean,
  ): Promise<{
    readonly wasRunning: boolean;
    readonly purged: boolean;
    readonly hasState: boolean;
  }>;
  runInside(
    options: AgentOptions & {
      readonly readyFd?: number;
      readonly listenFd?: number;
      readonly withoutOutbound?: string;
      readonly dnsServer?: string;
    },
    env: Readonly<Record<string, string | undefined>>,
    signal: AbortSignal,
  ): Promise<void>;
  logFile(directory: string): string;
  importDirectory(directory: string): string;
}

export interface AgentOptions {
  readonly name: string;
  readonly directory: string;
  readonly listen?: string;
  readonly imageRoots: readonly string[];
}
