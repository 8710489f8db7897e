/** A scene's JSON Schema made ready for the form engine: titles in the person's language, widgets by shape. */

import type { RJSFSchema, UiSchema } from "@rjsf/utils";
import type { JsonObject } from "../api/types";
import type { Language } from "../language";

/** Texts this long get a box of several lines; choices this few are shown at once. */
const LONG_TEXT = 200;
const FEW_CHOICES = 5;

/** The scene's own word on how a field is shown: `hidden` or `textarea`. */
const HINT = "x-gongzhi-ui";

/** What a rule asks of an action that opens a case, beyond the schema's `required`: lists of JSON pointers, of each
 * list at least one. On a case the draft may have them already. */
const NEEDS = "x-gongzhi-needs";

const SHOWN_ELSEWHERE = new Set(["$schema", "$id", "title", "description"]);

type Part = Record<string, unknown>;

const isPart = (value: unknown): value is Part =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Whether an action is for people; what only intakes take hides its whole form. */
export const isForPeople = (schema: JsonObject): boolean => schema[HINT] !== "hidden";

/** The schema with its titles in `language`, without what no person fills in; the page shows the root's title. */
export function formSchema(schema: JsonObject, language: Language, opens: boolean): RJSFSchema {
  const kept = Object.entries(localized(schema, language) as Part).filter(
    ([key]) => !SHOWN_ELSEWHERE.has(key) && (opens || key !== NEEDS),
  );
  const shown: RJSFSchema = Object.fromEntries(kept);
  const always = needsOf(shown).flatMap((need) => (need.length === 1 ? need : []));
  const required = always.flatMap(([name, ...inner]) => (name && inner.length === 0 ? [name] : []));
  if (required.length > 0) shown.required = [...new Set([...(shown.required ?? []), ...required])];
  return shown;
}

/** The needs of a form, each a choice of paths. */
export function needsOf(schema: RJSFSchema): string[][][] {
  const needs = (schema as Part)[NEEDS];
  if (!Array.isArray(needs)) return [];
  return (needs as string[][]).map((need) => need.map((pointer) => pointer.split("/").slice(1)));
}

/** The form with the fields of an either-or marked as such. */
export function withNeedsMarked(schema: RJSFSchema, mark: (title: string) => string): RJSFSchema {
  const marked = structuredClone(schema);
  for (const path of needsOf(marked)
    .filter((need) => need.length > 1)
    .flat()) {
    const part = partAt(marked, path);
    if (part?.title) part.title = mark(part.title);
  }
  return marked;
}

/** What the form calls the field at a path; of something inside it, its nearest title. */
export function titleAt(schema: RJSFSchema, path: string[]): string {
  for (let length = path.length; length > 0; length--) {
    const title = partAt(schema, path.slice(0, length))?.title;
    if (title) return title;
  }
  return "";
}

function partAt(schema: RJSFSchema, path: string[]): RJSFSchema | undefined {
  let part: unknown = schema;
  for (const step of path) {
    if (!isPart(part)) return undefined;
    part = isPart(part.properties) ? part.properties[step] : /^\d+$/.test(step) ? part.items : undefined;
  }
  return isPart(part) ? part : undefined;
}

function localized(value: unknown, language: Language): unknown {
  if (Array.isArray(value)) return value.map((item) => localized(item, language));
  if (!isPart(value)) return value;
  const part = Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => !(isPart(inner) && inner[HINT] === "hidden"))
      .map(([key, inner]) => [key, localized(inner, language)]),
  );
  if (language === "en") {
    // `properties` may hold a property named like an annotation; a title is a text.
    if (typeof part["x-gongzhi-title-en"] === "string") part.title = part["x-gongzhi-title-en"];
    if (typeof part["x-gongzhi-description-en"] === "string")
      part.description = part["x-gongzhi-description-en"];
  }
  return part;
}

/** Which widget each part gets, as the engine's uiSchema. */
export function formLayout(schema: RJSFSchema): UiSchema {
  const properties = Object.entries(schema.properties ?? {}).filter((entry): entry is [string, RJSFSchema] =>
    isPart(entry[1]),
  );
  return Object.fromEntries(properties.map(([name, part]) => [name, layoutOf(part)]));
}

function layoutOf(part: RJSFSchema): UiSchema {
  if (part.properties) return formLayout(part);
  if (isPart(part.items)) return layoutOfList(part.items);
  const choices = part.oneOf ?? part.enum;
  if (choices) return choices.length <= FEW_CHOICES ? { "ui:widget": "radio" } : {};
  if (part["x-gongzhi-scalar"] === "DivisionCode") return { "ui:widget": "DivisionWidget" };
  if (part.type === "boolean") return { "ui:widget": "radio" };
  if (part.type === "integer" || part.type === "number") return { "ui:widget": "NumberWidget" };
  const long = part.type === "string" && !part.format && (part.maxLength ?? 0) > LONG_TEXT;
  if (long || part[HINT] === "textarea") return { "ui:widget": "textarea", "ui:options": { rows: 4 } };
  return {};
}

/** A list of choices is ticked, each one once; any other list grows by its button. */
const layoutOfList = (items: RJSFSchema): UiSchema =>
  (items.oneOf ?? items.enum) ? { "ui:widget": "checkboxes" } : { items: layoutOf(items) };

/** The data without what nobody filled in: the engine makes empty objects and lists for optional parts. */
export function pruned(schema: RJSFSchema, data: unknown): unknown {
  if (Array.isArray(data)) {
    const items = isPart(schema.items) ? (schema.items as RJSFSchema) : {};
    return data.map((item) => pruned(items, item));
  }
  if (!isPart(data)) return data;
  const kept = Object.entries(data).map(([name, value]): [string, unknown] => {
    const part = schema.properties?.[name];
    return [name, pruned(isPart(part) ? part : {}, value)];
  });
  return Object.fromEntries(
    kept.filter(
      ([name, value]) => value !== undefined && ((schema.required ?? []).includes(name) || !isHollow(value)),
    ),
  );
}

const isHollow = (value: unknown): boolean =>
  Array.isArray(value) ? value.length === 0 : isPart(value) && Object.keys(value).length === 0;
