import { objectId, objectName } from "@lodge/schemas/spec/field.ts";
import * as z from "zod";
import type { Hosts } from "../hosts.ts";
import { article } from "../resources/article.ts";
import { dataSource, type DataSource } from "../sdk/data-source.ts";
import type { KindView } from "./kind-view.ts";
import { findOne, type Meant } from "./search.ts";

/** The data source of one object of a kind, found by its id or its name. */
export function kindDataSource(view: KindView): DataSource<Hosts> {
  const { type, title, attributes } = view;
  const { id: _id, name: _name, ...told } = attributes;
  const either = "Exactly one of `id` and `name`.";
  const schema = z.object({
    id: objectId
      .optional()
      .meta({ description: `The id of the ${title}. ${either}`, computed: "stable" }),
    name: objectName
      .optional()
      .meta({ description: `The name of the ${title}. ${either}`, computed: "stable" }),
    host: z.string().optional().meta({
      description:
        "The host to look on. Default: an `id` is looked for on all hosts, a `name` on the provider's `default_host`; where there is none, on all hosts, and only one may have it.",
    }),
    ...told,
  });
  return dataSource<Hosts>()({
    type,
    description: `${capital(article(title))} that exists already, found by its id or its name. It is an error if there is none, or more than one.`,
    schema,
    rules: [
      {
        paths: ["id", "name"],
        test: ({ id, name }) =>
          (id === undefined) === (name === undefined)
            ? `Exactly one of id and name says which ${title} is meant.`
            : undefined,
      },
    ],
    async read({ config, client, signal }) {
      const meant = config as unknown as Meant;
      const { told: facts } = await findOne(view, client, meant, signal);
      return { ...facts, host: meant.host };
    },
  });
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
