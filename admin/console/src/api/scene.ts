/** Operations of a scene, made from its names: the console knows no scene by name. */

import { gql } from "@urql/core";
import { camel, pascal } from "./names";
import type { Action, ActResult, JsonObject } from "./types";

export type Form = Pick<Action, "name" | "title" | "namespace" | "inputSchema">;

/** The actions that open a case, of every scene in the view: `{ <namespace>: { forms } }`. */
export function formsOperation(sceneIds: string[]) {
  const fields = sceneIds.map((id) => `${camel(id)} { forms { name title namespace inputSchema } }`);
  // A region without scenes asks nothing, but a query must select something.
  return gql<Record<string, { forms: Form[] } | undefined>, Record<string, never>>(
    `query Forms { __typename ${fields.join(" ")} }`,
  );
}

export interface ActVariables {
  case: string | null;
  input: JsonObject;
  key: string;
  rowVersion: number | null;
}

/** One action as a mutation. An action of a case names it and its row version; one that opens a case has neither. */
export function actOperation(
  { namespace, name }: Pick<Action, "namespace" | "name">,
  onCase: boolean,
  asks: boolean,
) {
  const declared = ["$key: String!"];
  const passed = ["key: $key"];
  if (asks) {
    declared.push(`$input: ${pascal(namespace)}${pascal(name)}Input!`);
    passed.push("input: $input");
  }
  if (onCase) {
    declared.push("$case: ID!", "$rowVersion: Int");
    passed.push("case: $case", "rowVersion: $rowVersion");
  }
  return gql<Record<string, Record<string, ActResult>>, Partial<ActVariables>>(
    `mutation Act(${declared.join(", ")}) { ${namespace} { ${camel(name)}(${passed.join(", ")}) { replayed existing case { id } } } }`,
  );
}

/** Whether an action's form has anything to fill in. */
export const asksNothing = (schema: JsonObject): boolean =>
  Object.keys((schema.properties ?? {}) as JsonObject).length === 0;
