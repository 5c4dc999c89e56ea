/** How a kind of resource declares itself to the acceptance tests: as data, from which all of its cases are made. */
import type { KindName, SpecInputOf } from "@lodge/schemas/spec/kind.ts";

/** Attributes by name, as Terraform's JSON syntax writes them: `"${lodge_network.lan.id}"` refers to another resource. */
export type Values = Readonly<Record<string, unknown>>;

/** Resources by address. */
export type Resources = Readonly<Record<string, Values>>;

/** Files that images are made from. */
export interface ImageFiles {
  /** Two small ones with different content. */
  readonly small: string;
  readonly other: string;
  /** Of a guest that boots. */
  readonly kernel: string;
  readonly initrd: string;
}

/** Where an instance stands among the others of its workspace: what it must not share with them follows from it. */
export interface Place {
  readonly name: string;
  /** 1 to 250, different for every instance of all kinds. */
  readonly n: number;
  readonly host: string;
  readonly files: ImageFiles;
}

/** The attributes of an instance, or of a part of it. */
export type Config = Values | ((at: Place) => Values);

export type Action = "update" | "replace" | "no-op";

/** One way in which an instance changes: from a first configuration through others, and back. */
export interface Change {
  /** What is special, where the attributes that differ do not say it. */
  readonly title?: string;
  /** Resources that it refers to, and nobody else does. */
  readonly needs?: (at: Place) => Resources;
  /** Over the base of its kind. */
  readonly from?: Config;
  /** One after another, each over the base of its kind. */
  readonly to: readonly Config[];
  /** Of every change. Default `update`. */
  readonly action?: Action;
  /** Of the change back to the first configuration, where that is another one. */
  readonly back?: Action;
  /** The first configuration cannot come back, as with a disk that has grown. */
  readonly oneWay?: true;
  /** What waits for a restart after each `to`, as `restart_required` names it. */
  readonly waits?: readonly string[];
  /** The guest is restarted, stopped or started by it. Attributes are announced to be the reason. */
  readonly restarts?: readonly string[];
  /** How another client's edit to the first `to` shows. Default as `action`; `nothing` where only Terraform knows it. */
  readonly drift?: "nothing";
}

/** A configuration that is refused at plan. */
export interface Refusal {
  readonly title: string;
  /** Resources of the same configuration that are there before. */
  readonly needs?: (at: Place) => Resources;
  /** Resources of others, which it may refer to by their ids. */
  readonly others?: (at: Place) => Resources;
  /** What it was applied with before. Default: it is new. */
  readonly from?: Config;
  /** In the place of the kind's minimal configuration, but for the name. */
  readonly config: Config;
  /** The attribute, key or value whose line is pointed at; undefined where it is one that is not there, or the whole. */
  readonly at: string | undefined;
  readonly says: RegExp;
  /** The address of another resource that the error is said of, where it is not the refused one itself. */
  readonly blames?: (at: Place) => string;
  /** Found where everything is valid by itself: by the plan, which asks the agent. Default: by validation alone. */
  readonly atPlan?: true;
}

/** A kind of resource. The harness adds each instance's name. */
export interface AcceptanceKind<K extends KindName = KindName> {
  readonly kind: K;
  /** As little as there can be. */
  readonly minimal: Config;
  /** What changes begin from. Default: minimal. */
  readonly base?: Config;
  /** Together every attribute with another value than its default. */
  readonly full: readonly {
    readonly title?: string;
    readonly config: Config;
    readonly needs?: (at: Place) => Resources;
  }[];
  /** Values that could be mistaken for none. */
  readonly empty: readonly Config[];
  readonly changes: readonly Change[];
  /** Attributes that no change is possible of, each with the reason; nested ones as `subnets.*.cidr`. */
  readonly unchangeable: Readonly<Record<string, string>>;
  /** Attributes that an import cannot know, each with the reason. */
  readonly notImported: Readonly<Record<string, string>>;
  /** Facts that may be null after an apply, each with the reason. */
  readonly mayBeNull: Readonly<Record<string, string>>;
  /** Objects as other clients make them. */
  readonly foreign: readonly ((at: Place, id: (address: string) => string) => SpecInputOf<K>)[];
  readonly refused: readonly Refusal[];
}

/** Lets a declaration be checked against its own kind. */
export function declare<K extends KindName>(kind: AcceptanceKind<K>): AcceptanceKind<K> {
  return kind;
}

/** A configuration at a place. */
export function at(config: Config, place: Place): Values {
  return typeof config === "function" ? config(place) : config;
}
