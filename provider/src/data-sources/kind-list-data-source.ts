import * as z from "zod";
import type { Hosts } from "../hosts.ts";
import { dataSource, type DataSource } from "../sdk/data-source.ts";
import type { KindView } from "./kind-view.ts";
import { search, searchAttributes } from "./search.ts";

/** The data source of all objects of a kind that a search means: none is no error. */
export function kindListDataSource(view: KindView): DataSource<Hosts> {
  const { many, titles, attributes } = view;
  const order = "in the order of their hosts and names";
  const schema = z.object({
    ...searchAttributes(view),
    ids: z.array(z.string()).meta({ description: `Their ids, ${order}.`, computed: "volatile" }),
    [many]: z.array(z.object(attributes)).meta({
      description: `The ${titles}, ${order}.`,
      computed: "volatile",
    }),
  });
  return dataSource<Hosts>()({
    type: `lodge_${many}`,
    description: `All ${titles} that exist, or those that are searched for. It is no error if there are none.`,
    schema,
    async read({ config, client, signal }) {
      const found = await search(view, client, config, signal);
      return { ids: found.map(({ item }) => item.id), [many]: found.map(({ told }) => told) };
    },
  });
}
