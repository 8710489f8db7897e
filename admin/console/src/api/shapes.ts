/** What the generated type of a scene's case data is made of, asked of the API itself.
 *
 * The console shows any scene's data without knowing it: names and labels come from introspection, where the
 * server has put each field's Chinese and English title as the first line of its description.
 */

import { type Client, gql } from "@urql/core";
import type { Language } from "../language";

interface TypeRef {
  kind: string;
  name: string | null;
  ofType?: TypeRef | null;
}

interface TypeAnswer {
  kind: string;
  name: string;
  fields: { name: string; description: string | null; type: TypeRef }[] | null;
  enumValues: { name: string; description: string | null }[] | null;
  possibleTypes: TypeRef[] | null;
}

export interface Field {
  name: string;
  label: Label;
  type: string;
}

export interface Shape {
  kind: "object" | "enum" | "union" | "scalar";
  fields: Field[];
  values: Map<string, Label>;
  members: string[];
}

export type Shapes = Map<string, Shape>;
export type Label = Record<Language, string>;

const PARTS = /* GraphQL */ `
  fragment Parts on __Type {
    kind
    name
    fields {
      name
      description
      type {
        ...Ref
        ofType {
          ...Ref
          ofType {
            ...Ref
            ofType {
              ...Ref
            }
          }
        }
      }
    }
    enumValues {
      name
      description
    }
    possibleTypes {
      kind
      name
    }
  }
  fragment Ref on __Type {
    kind
    name
  }
`;

/** So many types are asked for at once; the server bounds the fields and aliases of one query. */
const AT_ONCE = 15;

const known = new WeakMap<Client, Map<string, Promise<Shapes>>>();

/** Every type that `root` reaches, by name. Asked once a session. */
export function shapesOf(client: Client, root: string): Promise<Shapes> {
  const mine = known.get(client) ?? new Map<string, Promise<Shapes>>();
  known.set(client, mine);
  const shapes = mine.get(root) ?? ask(client, root);
  mine.set(root, shapes);
  return shapes;
}

async function ask(client: Client, root: string): Promise<Shapes> {
  const shapes: Shapes = new Map();
  let waiting = [root];
  while (waiting.length > 0) {
    const found = await askFor(client, waiting.slice(0, AT_ONCE));
    const reached = found.flatMap(beyond);
    for (const answer of found) shapes.set(answer.name, toShape(answer));
    waiting = [...new Set([...waiting.slice(AT_ONCE), ...reached])].filter((name) => !shapes.has(name));
  }
  return shapes;
}

async function askFor(client: Client, names: string[]): Promise<TypeAnswer[]> {
  const types = names.map((name, index) => `t${index}: __type(name: "${name}") { ...Parts }`);
  const operation = gql<Record<string, TypeAnswer | null>, Record<string, never>>(
    `query Shapes { ${types.join(" ")} } ${PARTS}`,
  );
  const { data } = await client.query(operation, {}).toPromise();
  return Object.values(data ?? {}).filter((type) => type !== null && typeof type === "object");
}

/** The types below one that have parts of their own. */
function beyond({ fields, possibleTypes }: TypeAnswer): string[] {
  const types = [...(fields ?? []).map(({ type }) => innermost(type)), ...(possibleTypes ?? [])];
  return types.filter(({ kind }) => kind in KINDS).map(({ name }) => name ?? "");
}

const KINDS: Record<string, Shape["kind"]> = { OBJECT: "object", ENUM: "enum", UNION: "union" };

function toShape(answer: TypeAnswer): Shape {
  return {
    kind: KINDS[answer.kind] ?? "scalar",
    // `caseId` belongs to every case's data and says nothing about the case.
    fields: (answer.fields ?? [])
      .filter(({ name }) => name !== "caseId")
      .map(({ name, description, type }) => ({
        name,
        label: labelOf(name, description),
        type: innermost(type).name ?? "",
      })),
    values: new Map(
      (answer.enumValues ?? []).map(({ name, description }) => [name, labelOf(name, description)]),
    ),
    members: answer.kind === "UNION" ? (answer.possibleTypes ?? []).map(({ name }) => name ?? "") : [],
  };
}

const innermost = (type: TypeRef): TypeRef => (type.ofType ? innermost(type.ofType) : type);

/** The first line of a description: `中文 (English)` as the composer writes it, `中文 / English` in a scene's own. */
function labelOf(name: string, description: string | null): Label {
  const line = description?.split("\n", 1)[0] ?? "";
  const at = openingOf(line);
  if (at > 1 && line[at - 1] === " ") return { zh: line.slice(0, at - 1), en: line.slice(at + 1, -1) };
  const [first, second] = line.split(" / ");
  if (first && second) return { zh: first, en: second };
  return { zh: line || name, en: line || name };
}

/** Where the bracket opens that closes at the end of a line, with others inside it; -1 where none does. */
function openingOf(line: string): number {
  if (!line.endsWith(")")) return -1;
  let depth = 0;
  for (let at = line.length - 1; at >= 0; at -= 1) {
    if (line[at] === ")") depth += 1;
    if (line[at] === "(") depth -= 1;
    if (depth === 0) return at;
  }
  return -1;
}

/** The selection that fetches all of `root`. */
export function selectionOf(shapes: Shapes, root: string): string {
  const shape = shapes.get(root);
  if (!shape || shape.kind === "scalar" || shape.kind === "enum") return "";
  if (shape.kind === "union")
    return `{ __typename ${shape.members.map((name) => `... on ${name} ${selectionOf(shapes, name)}`).join(" ")} }`;
  return `{ ${shape.fields.map(({ name, type }) => `${name} ${selectionOf(shapes, type)}`).join(" ")} }`;
}
